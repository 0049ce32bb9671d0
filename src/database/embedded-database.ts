import type { DataSource } from 'typeorm';

import type { Database } from './database.js';
import { thrownFor } from './outage.js';

/** The SQLite file, by the connection that TypeORM has to it. */
export class EmbeddedDatabase implements Database {
  constructor(private readonly source: DataSource) {}

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    try {
      return await this.source.query<Row[]>(sql, [...parameters]);
    } catch (error) {
      throw thrownFor(error, sql);
    }
  }

  byIndex(name: string): string {
    return `INDEXED BY ${name}`;
  }

  pools(): [] {
    return [];
  }

  async close(): Promise<void> {
    await this.source.destroy();
  }
}
