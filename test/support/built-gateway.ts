import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { external } from '../../bundle.js';
import { run } from './apt.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface LogLine {
  readonly level: number;
  readonly msg: string;
}

export type StartedProgram = ReturnType<typeof startProgram>;
export type BuiltGateway = Awaited<ReturnType<typeof buildGateway>>;

/** The variable with the path of the gateway that the test run has compiled. */
export const COMPILED_GATEWAY = 'TEST_COMPILED_GATEWAY';

/** Builds the gateway in a new temporary folder, with the packages of the image, and returns the folder. */
export async function compileGateway(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'built-gateway-'));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const project = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(folder, 'build')];
  const options = ['--noCheck', '--incremental', 'false', '--tsBuildInfoFile', 'null'];
  await run(process.execPath, [compiler, ...project, ...options], { timeout: 300_000 });
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  const packages = join(folder, 'node_modules');
  await symlink(join(root, 'node_modules'), packages);
  await run(process.execPath, [join(root, 'bundle.js'), folder], { timeout: 300_000 });
  // What the image has, so that a test fails that needs another package.
  await unlink(packages);
  for (const name of external) {
    const path = join(packages, name);
    await mkdir(dirname(path), { recursive: true });
    await symlink(join(root, 'node_modules', name), path);
  }
  return folder;
}

/** The gateway as `npm start` builds it, in a folder of its own: the one of the test run, or a new one. */
export async function buildGateway() {
  const compiled = process.env[COMPILED_GATEWAY];
  const folder = compiled ?? (await compileGateway());
  const dist = join(folder, 'dist');
  const bare = { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', SAMPLE_WORKER: 'off' };
  const running = new Map<StartedProgram, string>();

  function runIn(cwd: string, args: readonly string[], env: Record<string, string> = {}) {
    const program = startProgram(args, cwd, { ...bare, PORT: '0', ...env });
    running.set(program, cwd);
    void program.ended.finally(() => running.delete(program));
    return program;
  }

  /** Ends all programs, or those of a working directory. */
  async function endAll(cwd?: string): Promise<void> {
    for (const [program, startedIn] of running) {
      if (cwd !== undefined && cwd !== startedIn) continue;
      program.kill('SIGKILL');
      await program.ended;
    }
  }

  return {
    /** The folder of the compiled files. */
    dist,
    /**
     * Starts `dist/src/main.js` in a working directory, with only PATH and `env` in its environment.
     * Its samples do not move unless SAMPLE_WORKER in `env` is empty.
     */
    start: (cwd: string, env?: Record<string, string>) =>
      runIn(cwd, [join(dist, 'src/main.js')], env),
    /** Runs a command of `src/commands` in the same way. */
    command: (
      name: string,
      cwd: string,
      { args = [], env }: { args?: readonly string[]; env?: Record<string, string> } = {},
    ) => runIn(cwd, [join(dist, `src/commands/${name}.js`), ...args], env),
    endAll,
    /** Runs TypeORM's command line on the built ormconfig and returns its output. Throws when it fails. */
    async typeorm(cwd: string, command: string, env?: Record<string, string>) {
      const cli = join(root, 'node_modules/typeorm/cli.js');
      const args = [cli, command, '--dataSource', join(dist, 'ormconfig.js')];
      const program = runIn(cwd, args, env);
      const code = await program.ended;
      const output = [program.stderr(), ...program.log.map(({ msg }) => msg)].join('\n');
      if (code !== 0) throw new Error(`${code}\n${output}`);
      return output;
    },
    async dispose() {
      await endAll();
      if (compiled === undefined) await rm(folder, { recursive: true });
    },
  };
}

/** Starts Node with these arguments and nothing but `env` in its environment. */
export function startProgram(args: readonly string[], cwd: string, env: Record<string, string>) {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log: LogLine[] = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    log.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { level: 0, msg: line });
    lines.emit('logged');
  });
  let hasEnded = false;
  /** Resolves to the exit code, or to the signal that ended the program. */
  const ended = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]) => {
    hasEnded = true;
    lines.emit('logged');
    return signal ?? code ?? NaN;
  });

  /** Waits for a log line. Throws when the program ends without it. */
  async function untilLine(pattern: RegExp): Promise<LogLine> {
    for (;;) {
      const found = log.find(({ msg }) => pattern.test(msg));
      if (found !== undefined) return found;
      if (hasEnded) {
        throw new Error(`Ended without ${String(pattern)}: ${stderr}\n${JSON.stringify(log)}`);
      }
      await once(lines, 'logged');
    }
  }

  return {
    pid: child.pid ?? NaN,
    log,
    ended,
    untilLine,
    /** Waits until the gateway listens and returns its origin. */
    async origin() {
      const { msg } = await untilLine(/^Listening /);
      return msg.slice('Listening '.length).trim();
    },
    stderr: () => stderr,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
  };
}
