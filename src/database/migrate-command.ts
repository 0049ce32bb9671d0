import { runCommand } from '../command.js';
import { readDatabaseConfig } from '../config.js';
import { createLogger } from '../logger.js';
import { connectDatabase, placeOf } from './connect.js';

/** `npm run migrate`: brings the tables of the configured database up to date. */
await runCommand(async (environment) => {
  const config = readDatabaseConfig(environment);
  const source = await connectDatabase(config, { logger: createLogger('info'), migrate: true });
  await source.destroy();
  process.stdout.write(`The tables of ${placeOf(config)} are up to date.\n`);
});
