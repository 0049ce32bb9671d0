import type { MigrationInterface, QueryRunner } from 'typeorm';

import { isMysql, isTable, lengthOf } from './steps.js';

export const ID_LENGTH = 64;
const EARLIER_LENGTH = 26;

const columns = [
  ['exports', 'id'],
  ['export_files', 'export_id'],
] as const;

/** Ids of other systems, such as UUIDs. Each change is of the definition alone: no row is copied. */
export class WidenIds1790500000000 implements MigrationInterface {
  up(queryRunner: QueryRunner): Promise<void> {
    return resizeIds(queryRunner, { from: EARLIER_LENGTH, to: ID_LENGTH });
  }

  down(queryRunner: QueryRunner): Promise<void> {
    return resizeIds(queryRunner, { from: ID_LENGTH, to: EARLIER_LENGTH });
  }
}

async function resizeIds(queryRunner: QueryRunner, { from, to }: { from: number; to: number }) {
  const isServer = isMysql(queryRunner);
  if (!isServer) await queryRunner.query('PRAGMA writable_schema = ON');
  for (const [table, column] of columns) {
    if (!(await isTable(queryRunner, table))) continue;
    if (isServer && (await lengthOf(queryRunner, table, column)) === to) continue;
    await queryRunner.query(
      isServer
        ? `ALTER TABLE ${table} MODIFY ${column} VARCHAR(${to}) CHARACTER SET ascii COLLATE ascii_bin NOT NULL`
        : // SQLite has no MODIFY, and does not enforce the length.
          `UPDATE sqlite_master SET sql = replace(sql, ' ${column} VARCHAR(${from})', ' ${column} VARCHAR(${to})') WHERE name = '${table}'`,
    );
  }
  if (!isServer) await queryRunner.query('PRAGMA writable_schema = RESET');
}
