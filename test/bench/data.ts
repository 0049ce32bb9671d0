import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Connection, RowDataPacket } from 'mysql2/promise';
import { pino } from 'pino';

import { connectDatabase } from '../../src/database/connect.js';
import { entities } from '../../src/entities.js';
import { mysqlConfig } from '../support/mysql-config.js';

/** The organization that requests read. It has every second row; others have about 1,000 each. */
export const ORGANIZATION = 'org_bench';

/** The number of rare words. With a million rows, each is in 20 names of ORGANIZATION. */
export const RARE_WORDS = 25;

/** The first export is created in this minute, and one in each minute after it. */
export const FIRST_CREATED_AT = Date.parse('2024-01-01T00:00:00.000Z');
export const EXPORTS_PER_DAY = 1_440;

/** The number of exports of ORGANIZATION, the oldest, whose files `storeFiles` writes. */
export const STORED_EXPORTS = 200;

/** The number of exports per INSERT. */
const CHUNK = 10_000;

/** The id of the `row`-th export by creation. The even rows are those of ORGANIZATION. */
export function exportId(row: number): string {
  // Base58 has no 0, and all other hexadecimal digits.
  const digest = createHash('md5').update(String(row)).digest('hex');
  return `exp_${digest.slice(0, 22).replaceAll('0', 'g')}`;
}

/** The same in SQL. */
const ID = `CONCAT('exp_', REPLACE(LEFT(MD5(i), 22), '0', 'g'))`;

/** The `index`-th rare word as a user types it; names contain it in upper case. */
export function rareWord(index: number): string {
  return `audit-${String(100 + index)}`;
}

/** Returns the URL of a migrated database with `rows` exports; later runs find it filled. */
export async function provideData(
  connection: Connection,
  { serverUrl, rows, name }: { serverUrl: string; rows: number; name: string },
): Promise<string> {
  const url = new URL(`/${name}`, serverUrl).href;
  await connection.query(`CREATE DATABASE IF NOT EXISTS ${name} CHARACTER SET utf8mb4`);
  await connection.query(`USE ${name}`);
  const options = { entities, logger: pino({ level: 'silent' }), migrate: true };
  await (await connectDatabase(mysqlConfig(url), options)).destroy();
  const [[counted]] = await connection.query<RowDataPacket[]>('SELECT COUNT(*) n FROM exports');
  if (counted?.['n'] !== rows) {
    console.error(`Filling a database with ${rows} exports`);
    await connection.query('TRUNCATE TABLE export_files');
    await connection.query('TRUNCATE TABLE exports');
    await fill(connection, rows);
    await connection.query('ANALYZE TABLE exports, export_files');
  }
  return url;
}

/** Writes a CSV and a JSON file of 60 KB for each of STORED_EXPORTS, the same for all. */
export async function storeFiles(folder: string): Promise<void> {
  const records = Array.from({ length: 1_000 }, (_, row) => ({
    id: String(row),
    name: `Contact ${row}, "Ltd"`,
    city: 'Łódź',
  }));
  const lines = records.map(
    ({ id, name, city }) => `${id},"${name.replaceAll('"', '""')}",${city}`,
  );
  for (let index = 0; index < STORED_EXPORTS; index++) {
    const path = join(folder, 'exports', exportId(2 * index));
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'data.csv'), ['id,name,city', ...lines, ''].join('\r\n'));
    await writeFile(join(path, 'data.json'), JSON.stringify(records));
  }
}

/** Fills empty tables. Rows are computed from their numbers, so they are always the same. */
async function fill(connection: Pick<Connection, 'query'>, rows: number): Promise<void> {
  for (let from = 0; from < rows; from += CHUNK) {
    const until = Math.min(from + CHUNK, rows);
    await connection.query(insertExports(numbers(from, until), rows));
    // The oldest fifth has files.
    const withFiles = numbers(from, Math.min(until, rows / 5));
    if (from < rows / 5) await connection.query(insertFiles(withFiles));
  }
}

/** A query for the numbers `from` ≤ i < `until`, at most CHUNK of them. */
function numbers(from: number, until: number): string {
  const digit = `(${Array.from({ length: 10 }, (_, d) => `SELECT ${d} AS d`).join(' UNION ALL ')})`;
  return (
    `SELECT ${from} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS i ` +
    `FROM ${digit} a, ${digit} b, ${digit} c, ${digit} e HAVING i < ${until}`
  );
}

/**
 * `j` numbers the rows of ORGANIZATION, and those of the others. Of 50 in a row, one with each of
 * the 6 resources has failed or timed out: 2 % per resource. The rare words are in the oldest sixth,
 * so that a plain search finds its 10 rows without a full scan.
 */
function insertExports(numbered: string, rows: number): string {
  const rareUntil = Math.floor(rows / 12.5);
  const rareStep = Math.max(1, Math.floor(rows / 6_250));
  return `
    INSERT INTO exports (id, organization_id, name, resource, status, count_batches, count_total, failure_reason,
      requested_by, created_at, updated_at, started_at, completed_at, expires_at)
    SELECT
      ${ID},
      IF(i % 2 = 0, '${ORGANIZATION}', CONCAT('org_', j % 499)),
      CONCAT(
        ELT(1 + noise % 8, 'Berlin', 'Zürich', 'Łódź', 'San José', 'Lyon', 'Oslo', 'Malmö', 'Turin'),
        ELT(1 + noise DIV 8 % 4, ' weekly ', ' monthly ', ' on demand ', ' for accounting '), i,
        IF(j < ${rareUntil} AND j % ${rareStep} = 0, CONCAT(' AUDIT-', 100 + j DIV ${rareStep} % ${RARE_WORDS}), '')
      ),
      ELT(1 + (k + j DIV 50) % 6,
        'contact', 'group', 'location', 'shipment', 'tracker', 'shipping_label_inference'),
      CASE WHEN k < 3 THEN 'failed' WHEN k < 6 THEN 'timed_out' WHEN k = 6 THEN 'queued'
        WHEN k = 7 THEN 'processing' ELSE 'completed' END,
      1 + noise % 40,
      noise % 40000,
      IF(k < 3, 'The source answered with status 502 while batch 7 was read.', NULL),
      IF(noise % 3 = 0, NULL, CONCAT('user', noise % 900, '@example.com')),
      created,
      created + INTERVAL noise % 86400000 * 1000 MICROSECOND,
      IF(k = 6, NULL, created + INTERVAL 2 SECOND),
      IF(k IN (6, 7), NULL, created + INTERVAL 3 + noise % 600 SECOND),
      IF(noise % 2 = 0, NULL, '2099-12-31')
    FROM (
      SELECT i, i DIV 2 AS j, (i DIV 2 * 7) % 50 AS k, CRC32(i) AS noise,
        TIMESTAMP '2024-01-01 00:00:00.000' + INTERVAL i * 60000000 + CRC32(i) % 60000 * 1000 MICROSECOND AS created
      FROM (${numbered}) numbered
    ) made`;
}

function insertFiles(numbered: string): string {
  return `
    INSERT INTO export_files (export_id, kind, object_key, file_name, size_bytes, row_count, sha256)
    SELECT ${ID}, kind, CONCAT('exports/', ${ID}, '/data.', kind), CONCAT('Export ', i, '.', kind),
      CRC32(i), CRC32(i) % 40000, SHA2(i, 256)
    FROM (${numbered}) numbered, (SELECT 'json' AS kind UNION ALL SELECT 'csv') kinds`;
}
