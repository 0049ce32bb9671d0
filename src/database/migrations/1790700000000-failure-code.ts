import type { MigrationInterface, QueryRunner } from 'typeorm';

import { addColumn, dropColumn } from './steps.js';

/** A column at the end, null at first: no database copies a row. */
export class FailureCode1790700000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumn(queryRunner, 'exports', 'failure_code', 'VARCHAR(64) NULL');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropColumn(queryRunner, 'exports', 'failure_code');
  }
}
