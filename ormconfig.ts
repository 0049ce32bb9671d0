import 'reflect-metadata';

import { existsSync } from 'node:fs';

import { readDatabaseConfig } from './src/config/config.js';
import { createDataSource } from './src/database/data-source.js';
import { entities } from './src/entities.js';

/** The gateway's database, for TypeORM's command line. */
if (existsSync('.env')) process.loadEnvFile('.env');
export default await createDataSource(readDatabaseConfig(process.env), entities);
