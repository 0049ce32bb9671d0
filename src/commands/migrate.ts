import { readDatabaseConfig } from '../config/config.js';
import { connectDatabase, redactedUrl } from '../database/connect.js';
import { entities } from '../entities.js';
import { createLogger } from '../logger.js';
import { runCommand } from './run-command.js';

/** `npm run migrate`: brings the tables of the configured database up to date. */
await runCommand(async (environment) => {
  const config = readDatabaseConfig(environment);
  const logger = createLogger('info');
  const source = await connectDatabase(config, { entities, logger, migrate: true });
  await source.destroy();
  process.stdout.write(`The tables of ${redactedUrl(config)} are up to date.\n`);
});
