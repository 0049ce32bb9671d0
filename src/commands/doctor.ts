import { readConfig, readDatabaseConfig } from '../config/config.js';
import type { Environment } from '../config/settings.js';
import { StartupError } from '../errors.js';
import { problem, type Finding } from './doctor/finding.js';
import { inspect } from './doctor/inspect.js';
import { parseCommandLine, runCommand } from './run-command.js';

const USAGE = 'Usage: npm run doctor -- [--json] [--all]';

/** `npm run doctor`: finds what keeps a gateway of this environment from working. Reads only. */
await runCommand(async (environment) => {
  const flag = { type: 'boolean', default: false } as const;
  const config = { args: process.argv.slice(2), options: { json: flag, all: flag } };
  const { json, all } = parseCommandLine(config, USAGE).values;
  const findings = await findingsOf(environment, all);
  const text = json ? JSON.stringify({ findings }) : findings.map(describe).join('\n');
  process.stdout.write(`${text}\n`);
  process.exitCode = findings.some(({ status }) => status === 'problem') ? 1 : 0;
});

async function findingsOf(environment: Environment, isAll: boolean): Promise<Finding[]> {
  try {
    const config = readConfig(environment);
    // In production there is no embedded database to examine.
    readDatabaseConfig(environment);
    return await inspect(config, isAll);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    const check = 'configuration';
    return error.problems.map((message) => ({ ...problem({ message }), check }));
  }
}

/** `warning  tls  The connection …`, with the remedy and details on lines of their own. */
function describe({ check, status, message, remedy, details }: Finding): string {
  const lines = [`${status.padEnd(7)}  ${check.padEnd(13)}  ${message}`];
  for (const line of [...(remedy === '' ? [] : [`→ ${remedy}`]), ...details]) {
    lines.push(`${' '.repeat(24)}  ${line}`);
  }
  return lines.join('\n');
}
