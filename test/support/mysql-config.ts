import { readConfig } from '../../src/config/config.js';
import type { MysqlConfig } from '../../src/config/database.js';

/** The configuration of a database server by its URL, and those of its replicas. */
export function mysqlConfig(url: string, replicaUrls: readonly string[] = []): MysqlConfig {
  const DATABASE_REPLICA_URLS = replicaUrls.join(',');
  const settings = { FILES_SIGNING_SECRET: 'the secret of the tests', DATABASE_REPLICA_URLS };
  const { database } = readConfig({ ...settings, DATABASE_URL: url });
  if (database.kind === 'embedded') throw new Error('A URL is missing.');
  return database;
}
