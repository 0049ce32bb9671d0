import { readDatabaseConfig } from '../config/config.js';
import { connectDatabase, redactedUrl } from '../database/connect.js';
import { entities } from '../entities.js';
import { StartupError } from '../errors.js';
import { createLogger } from '../logger.js';
import { runCommand } from './run-command.js';

/** `npm run migrate`: brings the tables of the configured database up to date. */
await runCommand(async (environment) => {
  const logger = createLogger('info');
  try {
    const config = readDatabaseConfig(environment);
    const source = await connectDatabase(config, { entities, logger, migrate: true });
    await source.destroy();
    process.stdout.write(`The tables of ${redactedUrl(config)} are up to date.\n`);
  } catch (error) {
    // For alerts on the log of a job. The text for people goes to standard error.
    if (error instanceof StartupError) {
      logger.error({ problems: error.problems }, 'The migration failed');
    }
    throw error;
  }
});
