import { createHash } from 'node:crypto';

import { type Connection, type RowDataPacket } from 'mysql2/promise';
import { pino } from 'pino';

import { connectDatabase } from '../../src/database/connect.js';
import { entities } from '../../src/entities.js';

/** The organization of every second row, which is the one that is asked for. The others have some 1,000 rows each. */
export const ORGANIZATION = 'org_bench';

/** How many rare words there are in names: each stands in 20 names of ORGANIZATION when there are a million rows. */
export const RARE_WORDS = 25;

/** A change here fills kept databases anew. */
const VERSION = 2;

/** Rows of `exports` that one statement inserts. */
const CHUNK = 10_000;

/** The id of the row of this number. The even numbers are those of ORGANIZATION, in the order of creation. */
export function exportId(row: number): string {
  // Base58 has no 0, and hexadecimal digits have none of the other characters that it lacks.
  const digest = createHash('sha256').update(String(row)).digest('hex');
  return `exp_${digest.slice(0, 22).replaceAll('0', 'g')}`;
}

/** The rare word of this number, as a user would type it: in names it is in upper case. */
export function rareWord(index: number): string {
  return `audit-${String(100 + index)}`;
}

/**
 * The database of `rows` exports on a server, its tables as the project's migrations build them, filled unless an earlier
 * run has done it. Gives its URL.
 */
export async function provideData(
  connection: Connection,
  { serverUrl, rows, say }: { serverUrl: string; rows: number; say: (progress: string) => void },
): Promise<string> {
  const name = `exports_${rows}`;
  const url = new URL(`/${name}`, serverUrl).href;
  const isFilled = (await versionOf(connection, name)) === VERSION;
  if (!isFilled) {
    await connection.query(`DROP DATABASE IF EXISTS ${name}`);
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  }
  await connection.query(`USE ${name}`);
  await migrate(url);
  if (!isFilled) {
    await fill(connection, { rows, say });
    await connection.query('CREATE TABLE bench_data (version INTEGER)');
    await connection.query('INSERT INTO bench_data VALUES (?)', [VERSION]);
    await connection.query('ANALYZE TABLE exports, export_files');
  }
  return url;
}

async function versionOf(connection: Connection, database: string): Promise<number | null> {
  const [tables] = await connection.query<RowDataPacket[]>(
    `SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = 'bench_data'`,
    [database],
  );
  if (tables.length === 0) return null;
  const [found] = await connection.query<RowDataPacket[]>(
    `SELECT version FROM ${database}.bench_data`,
  );
  return Number(found[0]?.['version']);
}

async function migrate(url: string): Promise<void> {
  const config = { kind: 'mysql', url } as const;
  const source = await connectDatabase(config, {
    entities,
    logger: pino({ level: 'silent' }),
    migrate: true,
  });
  await source.destroy();
}

/** Fills empty tables. The same rows on every machine: all of a row is made of its number. */
export async function fill(
  connection: Pick<Connection, 'query'>,
  { rows, say }: { rows: number; say: (progress: string) => void },
): Promise<void> {
  for (let from = 0; from < rows; from += CHUNK) {
    const until = Math.min(from + CHUNK, rows);
    await connection.query(insertExports(numbers(from, until), rows));
    // The oldest fifth has files.
    if (from < rows / 5)
      await connection.query(insertFiles(numbers(from, Math.min(until, rows / 5))));
    if (from % 100_000 === 0) say(`Filling: ${from} of ${rows} exports`);
  }
}

/** A statement that gives the numbers from `from` on and below `until`, at most CHUNK of them, as `i`. */
function numbers(from: number, until: number): string {
  const digit = `(${Array.from({ length: 10 }, (_, d) => `SELECT ${d} AS d`).join(' UNION ALL ')})`;
  return (
    `SELECT ${from} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS i ` +
    `FROM ${digit} a, ${digit} b, ${digit} c, ${digit} e HAVING i < ${until}`
  );
}

/** What `exportId` is in JavaScript. */
const ID = `CONCAT('exp_', REPLACE(LEFT(SHA2(i, 256), 22), '0', 'g'))`;

/**
 * `j` counts the rows of ORGANIZATION, and those of the others. Of each 50 in a row, 3 have failed and 3 have timed out, one
 * of these 6 of each resource: so 2 % of an organization are of one resource and failed or timed out.
 *
 * The rare words stand in the oldest sixth, as the name of a campaign would: a plain search finds its 10 without reading
 * all rows.
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
