import { createApp, type App } from './app.js';
import { runCommand } from './command.js';
import { readConfig } from './config.js';
import { createLogger } from './logger.js';

await runCommand(async (environment) => {
  const config = readConfig(environment);
  const logger = createLogger(config.logLevel);
  let app: App | null = null;
  // Before anything that may take its time: as the first process of a container, a signal without a handler is ignored.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      logger.info(`${signal}: closing`);
      if (app === null) process.exit(0);
      void app.close();
    });
  }
  const created = await createApp(config, logger);
  app = created;
  await created.listen();
});
