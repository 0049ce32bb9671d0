import 'reflect-metadata';

import { existsSync } from 'node:fs';

import type { Environment } from '../config/settings.js';
import { StartupError } from '../errors.js';

/**
 * Runs an entry point with the environment and the variables in `.env`. Prints the problems of a
 * StartupError without a stack and exits with status 1.
 */
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
