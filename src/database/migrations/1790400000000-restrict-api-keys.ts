import type { MigrationInterface, QueryRunner } from 'typeorm';

import { addColumn, dropColumn } from './steps.js';

export class RestrictApiKeys1790400000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await addColumn(queryRunner, 'api_keys', 'can_read_files', 'BOOLEAN NOT NULL DEFAULT 1');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropColumn(queryRunner, 'api_keys', 'can_read_files');
  }
}
