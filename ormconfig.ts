import 'reflect-metadata';

import { existsSync } from 'node:fs';

import { readDatabaseConfig } from './src/config/config.js';
import { createDataSource } from './src/database/data-source.js';
import { entities } from './src/entities.js';
import { createLogger } from './src/logger.js';

/** The data source of the TypeORM command line: the same database as the gateway's, by the same DATABASE_URL. */
if (existsSync('.env')) process.loadEnvFile('.env');
export default await createDataSource(readDatabaseConfig(process.env), {
  entities,
  logger: createLogger('info'),
});
