import type { DataSource } from 'typeorm';

import type { DatabaseConfig } from '../../src/config/database.js';
import { createDataSource } from '../../src/database/data-source.js';
import { entities } from '../../src/entities.js';

/** A data source that is not yet connected. */
export function createTestDataSource(config: DatabaseConfig): Promise<DataSource> {
  return createDataSource(config, entities);
}
