import type { DataSource } from 'typeorm';

import type { Database } from './database.js';
import { toGatewayError } from './mysql-errors.js';

/** The SQLite file, by the connection that TypeORM has to it. */
export class EmbeddedDatabase implements Database {
  constructor(private readonly source: DataSource) {}

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await this.source.query<Row[]>(sql, [...parameters]);
    } catch (error) {
      throw toGatewayError(error, sql);
    }
  }

  indexHint(name: string): string {
    return `INDEXED BY ${name}`;
  }

  poolStats(): [] {
    return [];
  }

  async close(): Promise<void> {
    await this.source.destroy();
  }
}
