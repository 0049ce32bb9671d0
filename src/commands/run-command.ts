import 'reflect-metadata';

import { existsSync } from 'node:fs';

import type { Environment } from '../config/settings.js';
import { StartupError } from '../errors.js';

/**
 * Runs what an entry point is for, with the environment and what a file `.env` adds to it. Mistakes that its user can mend
 * are shown in their own words, and the process ends with status 1.
 */
export async function runCommand(work: (environment: Environment) => Promise<void>): Promise<void> {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env');
    await work(process.env);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    for (const problem of error.problems) process.stderr.write(`${problem}\n`);
    // Not just the exit code: an open pool would keep the process going.
    process.exit(1);
  }
}
