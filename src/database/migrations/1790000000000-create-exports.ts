import type { MigrationInterface, QueryRunner } from 'typeorm';

import { createIndex, createTable, dropTable, isMysql } from './steps.js';

/** Binary collations, because MySQL would otherwise treat a and A, é and e, or emoji as equal. */
export class CreateExports1790000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const ascii = isMysql(queryRunner) ? 'CHARACTER SET ascii COLLATE ascii_bin' : '';
    const tableOptions = isMysql(queryRunner)
      ? 'ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
      : '';
    await createTable(
      queryRunner,
      'exports',
      `(
        id VARCHAR(26) ${ascii} NOT NULL,
        organization_id VARCHAR(64) ${ascii} NOT NULL,
        name VARCHAR(255) NOT NULL,
        resource VARCHAR(32) ${ascii} NOT NULL,
        status VARCHAR(16) ${ascii} NOT NULL
          CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'timed_out')),
        count_batches INTEGER NOT NULL DEFAULT 0,
        count_total INTEGER NOT NULL DEFAULT 0,
        failure_reason VARCHAR(500) NULL,
        requested_by VARCHAR(255) NULL,
        created_at DATETIME(3) NOT NULL,
        updated_at DATETIME(3) NOT NULL,
        started_at DATETIME(3) NULL,
        completed_at DATETIME(3) NULL,
        expires_at DATETIME(3) NULL,
        PRIMARY KEY (id)
      ) ${tableOptions}`,
    );
    for (const column of ['created_at', 'updated_at', 'count_batches', 'count_total']) {
      const index = `exports_by_${column}`;
      await createIndex(queryRunner, {
        table: 'exports',
        index,
        columns: `organization_id, ${column}, id`,
      });
    }
    await createTable(
      queryRunner,
      'export_files',
      `(
        export_id VARCHAR(26) ${ascii} NOT NULL,
        kind VARCHAR(16) ${ascii} NOT NULL
          CHECK (kind IN ('json', 'csv', 'csv_error', 'csv_sanitized')),
        object_key VARCHAR(512) NOT NULL,
        file_name VARCHAR(255) NOT NULL,
        size_bytes BIGINT NOT NULL,
        row_count INTEGER NOT NULL,
        sha256 ${isMysql(queryRunner) ? 'CHAR' : 'NCHAR'}(64) ${ascii} NOT NULL,
        PRIMARY KEY (export_id, kind)
      ) ${tableOptions}`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropTable(queryRunner, 'export_files');
    await dropTable(queryRunner, 'exports');
  }
}
