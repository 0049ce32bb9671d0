import 'reflect-metadata';

import { existsSync } from 'node:fs';

import { createApp } from './app.js';
import { readConfig } from './config.js';
import { StartupError } from './errors.js';
import { createLogger } from './logger.js';

try {
  // What the environment says wins over the file.
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  const app = await createApp(config, logger);
  await app.listen();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      logger.info(`${signal}: closing`);
      void app.close();
    });
  }
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  for (const problem of error.problems) process.stderr.write(`${problem}\n`);
  // Not just the exit code: an open pool would keep the process going.
  process.exit(1);
}
