import type { MigrationInterface, QueryRunner } from 'typeorm';

import { createIndex, createTable, dropTable, isMysql } from './steps.js';

export class CreateApiKeys1790100000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const ascii = isMysql(queryRunner) ? 'CHARACTER SET ascii COLLATE ascii_bin' : '';
    await createTable(
      queryRunner,
      'api_keys',
      `(
        id VARCHAR(26) ${ascii} NOT NULL,
        organization_id VARCHAR(64) ${ascii} NOT NULL,
        name VARCHAR(255) NOT NULL,
        key_hash ${isMysql(queryRunner) ? 'CHAR' : 'NCHAR'}(64) ${ascii} NOT NULL,
        created_at DATETIME(3) NOT NULL,
        expires_at DATETIME(3) NULL,
        revoked_at DATETIME(3) NULL,
        PRIMARY KEY (id)
      ) ${isMysql(queryRunner) ? 'ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' : ''}`,
    );
    await createIndex(queryRunner, {
      table: 'api_keys',
      index: 'api_keys_by_hash',
      columns: 'key_hash',
      isUnique: true,
    });
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropTable(queryRunner, 'api_keys');
  }
}
