import type { MigrationInterface, QueryRunner } from 'typeorm';

import { createIndex, dropIndex } from './steps.js';

const orders = ['created_at', 'updated_at', 'count_batches', 'count_total'];

/**
 * Covering indexes for filters: on a million rows, a search without matches takes 0.35 s instead of
 * 3.7. Lists without a filter keep the narrower indexes, where a late page takes a quarter less.
 */
export class CoverFilters1790200000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    for (const column of orders) {
      const index = `exports_filtered_by_${column}`;
      const columns = `organization_id, ${column}, id, resource, status, name`;
      await createIndex(queryRunner, { table: 'exports', index, columns });
    }
    const columns = 'organization_id, resource, status';
    await createIndex(queryRunner, {
      table: 'exports',
      index: 'exports_by_resource_and_status',
      columns,
    });
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const column of orders) {
      await dropIndex(queryRunner, 'exports', `exports_filtered_by_${column}`);
    }
    await dropIndex(queryRunner, 'exports', 'exports_by_resource_and_status');
  }
}
