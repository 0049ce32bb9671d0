import { constants } from 'node:os';

import { createApp, type App } from './app.js';
import { runCommand } from './commands/run-command.js';
import { readConfig } from './config/config.js';
import { createLogger } from './logger.js';

/** Slightly less than the ten seconds after which container engines kill a process; SHUTDOWN_DELAY adds to it. */
const SHUTDOWN_TIMEOUT_MS = 9_500;
/** The time for the logger to write its last lines. */
const LOG_FLUSH_MS = 300;

await runCommand(async (environment) => {
  const config = readConfig(environment);
  const logger = createLogger(config.logLevel);
  let app: App | null = null;
  let isClosing = false;

  async function shutDown(): Promise<void> {
    if (app === null) process.exit(0);
    const timeoutMs = SHUTDOWN_TIMEOUT_MS + (config.shutdownDelay ?? 0) * 1000;
    const timeout = setTimeout(() => {
      logger.error(`Shutdown timed out after ${timeoutMs} ms: aborting open requests`);
      process.exit(1);
    }, timeoutMs).unref();
    await app.drain();
    await app.close();
    logger.info('Closed');
    clearTimeout(timeout);
    // An unreachable trace collector would keep the process alive.
    setTimeout(() => process.exit(0), LOG_FLUSH_MS).unref();
  }

  // Before anything slow: the first process of a container ignores a signal without a handler.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (isClosing) {
        logger.warn(`${signal} again: aborting open requests`);
        // The exit code that shells report for a process that a signal ended.
        process.exit(128 + constants.signals[signal]);
      }
      isClosing = true;
      logger.info(`${signal}: closing`);
      void shutDown();
    });
  }
  app = await createApp(config, logger);
  await app.listen();
});
