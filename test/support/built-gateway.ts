import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { run } from './apt.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const noColors = { NO_COLOR: '1' };

export interface LogLine {
  readonly level: number;
  readonly msg: string;
}

/** A program that was started, with what it has said so far. */
export interface StartedProgram {
  readonly pid: number;
  readonly log: readonly LogLine[];
  readonly complaints: () => string;
  /** Waits for a line of the log. Throws when the program ends without it. */
  untilLine(pattern: RegExp): Promise<LogLine>;
  kill(signal: NodeJS.Signals): void;
  /** How it ended: an exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** The gateway as `npm start` builds it, in a folder apart from the checkout's. */
export interface BuiltGateway {
  /** Starts `dist/src/main.js` in a working directory, with nothing in its environment but PATH and what is given. */
  start(cwd: string, env?: Record<string, string>): StartedProgram;
  /** Runs the command that `npm run api-key` runs, in the same way. */
  apiKey(cwd: string, args: readonly string[], env?: Record<string, string>): StartedProgram;
  /** Runs TypeORM's command line on the built ormconfig, as `npm run migrate` does. Gives what it wrote; throws when it fails. */
  typeorm(cwd: string, command: string, env?: Record<string, string>): Promise<string>;
  /** Ends whatever was started in a working directory and still runs. */
  endAll(cwd: string): Promise<void>;
  dispose(): Promise<void>;
}

export async function buildGateway(): Promise<BuiltGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'built-gateway-'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = ['--noCheck', '--incremental', 'false', '--tsBuildInfoFile', 'null'];
  await run(
    process.execPath,
    [
      compiler,
      '-p',
      join(root, 'tsconfig.build.json'),
      ...options,
      '--outDir',
      join(folder, 'dist'),
    ],
    { timeout: 60_000 },
  );
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  const bare = { PATH: process.env['PATH'] ?? '', ...noColors };
  const running = new Map<StartedProgram, string>();

  function runIn(cwd: string, args: readonly string[], env: Record<string, string>) {
    const program = startProgram(args, cwd, { ...bare, PORT: '0', ...env });
    running.set(program, cwd);
    void program.ended.finally(() => running.delete(program));
    return program;
  }

  async function endAll(cwd?: string): Promise<void> {
    for (const [program, startedIn] of running) {
      if (cwd !== undefined && cwd !== startedIn) continue;
      program.kill('SIGKILL');
      await program.ended;
    }
  }

  return {
    start: (cwd, env = {}) => runIn(cwd, [join(folder, 'dist/src/main.js')], env),
    apiKey: (cwd, args, env = {}) =>
      runIn(cwd, [join(folder, 'dist/src/commands/api-key.js'), ...args], env),
    endAll,
    async typeorm(cwd, command, env = {}) {
      const cli = join(root, 'node_modules/typeorm/cli.js');
      const config = join(folder, 'dist/ormconfig.js');
      const program = startProgram([cli, command, '--dataSource', config], cwd, {
        ...bare,
        ...env,
      });
      const said = `${String(await program.ended)}\n${program.complaints()}\n${program.log.map(({ msg }) => msg).join('\n')}`;
      if ((await program.ended) !== 0) throw new Error(said);
      return said;
    },
    async dispose() {
      await endAll();
      await rm(folder, { recursive: true });
    },
  };
}

/** Starts Node with these arguments and nothing but `env` in its environment. */
export function startProgram(
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
): StartedProgram {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log: LogLine[] = [];
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    log.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { level: 0, msg: line });
    lines.emit('logged');
  });
  const ended = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    lines.emit('logged');
    return signal ?? code ?? NaN;
  });
  return {
    pid: child.pid ?? NaN,
    log,
    ended,
    complaints: () => complaints,
    kill: (signal) => void child.kill(signal),
    async untilLine(pattern) {
      for (;;) {
        const found = log.find(({ msg }) => pattern.test(msg));
        if (found !== undefined) return found;
        if (child.exitCode !== null || child.signalCode !== null) {
          await ended;
          const late = log.find(({ msg }) => pattern.test(msg));
          if (late !== undefined) return late;
          throw new Error(
            `Ended without a line like ${String(pattern)}: ${complaints}\n${JSON.stringify(log)}`,
          );
        }
        await once(lines, 'logged');
      }
    },
  };
}
