import 'reflect-metadata';

import { existsSync } from 'node:fs';
import { parseArgs, type ParseArgsConfig } from 'node:util';

import type { Environment } from '../config/settings.js';
import { StartupError, toError } from '../errors.js';

/** Runs an entry point with the environment and `.env`. A StartupError ends it with status 1. */
export async function runCommand(main: (environment: Environment) => Promise<void>): Promise<void> {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env');
    await main(process.env);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    for (const problem of error.problems) process.stderr.write(`${problem}\n`);
    // An open connection pool would keep the process alive with an exit code alone.
    process.exit(1);
  }
}

/** As Node's `parseArgs`. Throws StartupError with the usage of the command. */
export function parseCommandLine<Config extends ParseArgsConfig>(config: Config, usage: string) {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new StartupError([toError(error).message, usage], { cause: error });
  }
}
