import { runCommand } from './run-command.js';
import { readDatabaseConfig } from '../config/config.js';
import { createLogger } from '../logger.js';
import { connectDatabase, redactedUrl } from '../database/connect.js';
import { entities } from '../entities.js';

/** `npm run migrate`: brings the tables of the configured database up to date. */
await runCommand(async (environment) => {
  const config = readDatabaseConfig(environment);
  const source = await connectDatabase(config, {
    entities,
    logger: createLogger('info'),
    migrate: true,
  });
  await source.destroy();
  process.stdout.write(`The tables of ${redactedUrl(config)} are up to date.\n`);
});
