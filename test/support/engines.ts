import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DatabaseConfig } from '../../src/config/database.js';
import { mysqlConfig } from './mysql-config.js';
import { has } from './requirements.js';
import { createTestDatabase } from './test-database.js';

/** A database of its own for one test file, empty and without tables. */
export interface EngineDatabase {
  readonly config: DatabaseConfig;
  /** Of a user that may write, where that of `config` may not. */
  readonly owner?: DatabaseConfig;
  /** Of a database server. */
  readonly url?: string;
  dispose(): Promise<void>;
}

/** A kind of database that the gateway runs on. */
export interface Engine {
  readonly engine: string;
  readonly provide: () => Promise<EngineDatabase>;
}

export const embedded: Engine = {
  engine: 'embedded',
  async provide() {
    const folder = await mkdtemp(join(tmpdir(), 'exports-gateway-'));
    return {
      config: { kind: 'embedded', path: join(folder, 'exports.sqlite') },
      dispose: () => rm(folder, { recursive: true }),
    };
  },
};

export const mysql: Engine = {
  engine: 'MySQL',
  async provide() {
    const database = await createTestDatabase();
    const { url } = database;
    return { url, config: mysqlConfig(url), dispose: () => database.drop() };
  },
};

/** For `describe.each(engines)('… on $engine', (engine) => …)`: the engines that this machine has. */
export const engines: readonly Engine[] = has('mysql') ? [embedded, mysql] : [embedded];
