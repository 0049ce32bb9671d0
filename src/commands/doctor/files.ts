import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Inspection } from '../../database/inspection.js';
import { errorCode } from '../../errors.js';
import type { Storage } from '../../storage/open-storage.js';
import { counted, MAX_DETAILS, ok, problem, warning, type Finding } from './finding.js';

const SAMPLE = 50;
const BATCH = 1_000;
const CONCURRENCY = 8;
const TIMEOUT_MS = 10_000;

interface FileRow {
  readonly exportId: string;
  readonly kind: string;
  readonly objectKey: string;
  readonly sizeBytes: number | string | null;
}

/** The size of an object in bytes, or why there is none. */
type Found = { readonly size: number } | { readonly fault: string; readonly isMissing: boolean };

/** Compares rows of files with their objects: a sample, or all. */
export async function checkFiles(
  inspection: Inspection,
  storage: Storage,
  isAll: boolean,
): Promise<Finding[]> {
  const faults: string[] = [];
  const denials: string[] = [];
  let count = 0;
  for (let last: FileRow | null = null, isEnd = false; !isEnd;) {
    const rows: FileRow[] = await readFiles(inspection, last, isAll ? BATCH : SAMPLE);
    for (let at = 0; at < rows.length; at += CONCURRENCY) {
      const some = rows.slice(at, at + CONCURRENCY);
      const found = await Promise.all(some.map(({ objectKey }) => findObject(storage, objectKey)));
      for (const [index, row] of some.entries()) {
        const name = `${row.exportId} ${row.kind} (${row.objectKey})`;
        const object = found[index];
        if (object === undefined) continue;
        if ('fault' in object)
          (object.isMissing ? faults : denials).push(`${name}: ${object.fault}`);
        else if (row.sizeBytes !== null && object.size !== Number(row.sizeBytes)) {
          faults.push(`${name}: ${object.size} bytes instead of ${row.sizeBytes}`);
        }
      }
    }
    count += rows.length;
    last = rows.at(-1) ?? null;
    isEnd = !isAll || rows.length < BATCH;
  }
  const findings: Finding[] = [];
  if (denials.length > 0) {
    findings.push(
      problem({
        message: `The storage denies ${counted(denials.length, 'file')} of ${count}.`,
        remedy:
          'Allow s3:GetObject, and s3:ListBucket so that a missing object is not answered like a ' +
          'denied one. Check the credentials, the region and the endpoint.',
        details: denials.slice(0, MAX_DETAILS),
      }),
    );
  }
  if (faults.length > 0) {
    findings.push(
      problem({
        message: `Missing or of another size: ${counted(faults.length, 'file')} of ${count}.`,
        remedy: 'Store the object before its row: docs/writing-exports.md has the order.',
        details: faults.slice(0, MAX_DETAILS),
      }),
    );
  }
  if (findings.length > 0) return findings;
  return [
    ok(`${isAll ? 'All' : 'A sample of'} ${counted(count, 'file')} are stored as their rows say.`),
  ];
}

/** Whether pages of CORS_ORIGINS may read what the bucket serves. */
export async function checkBucketCors(
  inspection: Inspection,
  storage: Storage,
  origins: readonly string[],
): Promise<Finding> {
  const [file] = await readFiles(inspection, null, 1);
  if (storage.kind === 'local') return ok('The gateway serves the files itself.');
  const [origin] = origins;
  if (origin === undefined) return ok('No page reads files: CORS_ORIGINS is not set.');
  if (file === undefined) return ok('There is no file yet to ask the bucket for.');
  const response = await readByte(storage, file.objectKey, { origin });
  const allowed = response.headers.get('access-control-allow-origin');
  if (allowed === '*' || allowed === origin) return ok(`Pages of ${origin} may read files.`);
  return warning({
    message: `The bucket does not let pages of ${origin} read files; links to click still work.`,
    remedy: 'Add a CORS rule with this origin and GET to the bucket: see docs/storage.md.',
  });
}

function readFiles(
  { catalog, query }: Inspection,
  after: FileRow | null,
  limit: number,
): Promise<FileRow[]> {
  const now = new Date().toISOString().replace('T', ' ').slice(0, 23);
  const expiry = catalog.get('exports')?.columns.has('expires_at')
    ? 'AND (e.expires_at IS NULL OR e.expires_at > ?)'
    : '';
  const size = catalog.get('export_files')?.columns.has('size_bytes') ? 'f.size_bytes' : 'NULL';
  const from = after === null ? '' : 'AND (f.export_id > ? OR (f.export_id = ? AND f.kind > ?))';
  return query<FileRow>(
    `SELECT f.export_id AS exportId, f.kind, f.object_key AS objectKey, ${size} AS sizeBytes ` +
      `FROM export_files f JOIN exports e ON e.id = f.export_id ` +
      `WHERE f.object_key IS NOT NULL ${expiry} ${from} ` +
      `ORDER BY f.export_id, f.kind LIMIT ${limit}`,
    [
      ...(expiry === '' ? [] : [now]),
      ...(after === null ? [] : [after.exportId, after.exportId, after.kind]),
    ],
  );
}

async function findObject(storage: Storage, objectKey: string): Promise<Found> {
  if (storage.kind === 'local') {
    try {
      const found = await stat(join(storage.place, objectKey));
      return found.isFile() ? { size: found.size } : { fault: 'is no file', isMissing: true };
    } catch (error) {
      const isMissing = errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR';
      return { fault: isMissing ? 'is missing' : String(errorCode(error)), isMissing };
    }
  }
  const { status, headers, code } = await readByte(storage, objectKey);
  if (status === 404) return { fault: 'is missing', isMissing: true };
  const size =
    /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? headers.get('content-length');
  // 416: the object is empty, and has no first byte.
  if (status === 416) return { size: Number(size ?? 0) };
  if (status === 200 || status === 206) return { size: Number(size) };
  return { fault: `HTTP ${status} ${code}`.trimEnd(), isMissing: false };
}

/** Downloads the first byte by a link, as a client would. `code` is that of an error. */
async function readByte(
  storage: Extract<Storage, { kind: 's3' }>,
  objectKey: string,
  headers: Record<string, string> = {},
) {
  const { url } = await storage.links.sign({ objectKey, fileName: 'doctor' });
  const response = await fetch(url, {
    headers: { range: 'bytes=0-0', ...headers },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const isError = response.status >= 400;
  const text = isError ? await response.text() : '';
  if (!isError) await response.body?.cancel();
  const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? '';
  return { status: response.status, headers: response.headers, code };
}
