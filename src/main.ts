import { createApp } from './app.js';
import { runCommand } from './command.js';
import { readConfig } from './config.js';
import { createLogger } from './logger.js';

await runCommand(async (environment) => {
  const config = readConfig(environment);
  const logger = createLogger(config.logLevel);
  const app = await createApp(config, logger);
  await app.listen();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      logger.info(`${signal}: closing`);
      void app.close();
    });
  }
});
