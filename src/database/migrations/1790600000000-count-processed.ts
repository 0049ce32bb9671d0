import type { MigrationInterface, QueryRunner } from 'typeorm';

import { addColumn, dropColumn } from './steps.js';

/** A column at the end with a default: no database copies a row. */
export class CountProcessed1790600000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumn(queryRunner, 'exports', 'count_processed', 'INTEGER NOT NULL DEFAULT 0');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropColumn(queryRunner, 'exports', 'count_processed');
  }
}
