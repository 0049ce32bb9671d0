import { ExportResource, ExportStatus } from '../../src/exports/export.js';

/** An export of another system, as the gateway must show it. */
export interface AdoptedExport {
  readonly id: string;
  readonly name: string;
  readonly resource: ExportResource;
  readonly status: ExportStatus;
  readonly countBatches: number;
  readonly countTotal: number;
  readonly countProcessed: number;
  readonly progress: number | null;
  readonly failureCode: string | null;
  readonly requestedBy: string | null;
  /** ISO 8601 with the precision of the column. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly completedAt: string | null;
  /** Object keys by URL field. */
  readonly files: Readonly<Record<string, string>>;
}

/** A system whose tables a chapter of the page adopts. */
export interface AdoptableSystem {
  readonly heading: string;
  /** The schema of its tables, and that of the views. */
  readonly schema: string;
  readonly views: string;
  /** The organization whose exports are read, and texts that must not match it. */
  readonly organization: string;
  readonly others: readonly string[];
  /** Texts that equal the id of the first export by a rule of SQL, but are not the same. */
  readonly similarIds: readonly string[];
  readonly requester: { readonly name: string; readonly similar: string } | null;
  readonly exports: readonly AdoptedExport[];
  /** How the system writes its rows, on a connection at +02:00. */
  readonly inserts: readonly string[];
  /** Views with other SQL that show the same exports. */
  readonly otherViews: readonly {
    readonly what: string;
    readonly organization: string;
    readonly instead: string;
    readonly select: string;
    /** The chapter whose SQL comes first. */
    readonly sql?: string;
  }[];
  /** Adds so many rows that the plans are those of a large table. */
  readonly bulk: string;
  /** Whether the default list sorts all exports of its organization. */
  readonly isListSorted: boolean;
  /** Whether the ids are numbers, which order as such. */
  readonly isNumbered: boolean;
}

const { COMPLETED, FAILED, PROCESSING, QUEUED, TIMED_OUT } = ExportStatus;
const { CONTACT, OTHER, SHIPMENT } = ExportResource;

const COUNT = 14;
const indexes = [...Array(COUNT).keys()];
const start = Date.UTC(2026, 9, 25, 0, 30);
const second = (ms: number) => new Date(ms).toISOString();
const pick = <T>(values: readonly [T, ...T[]], index: number): T =>
  values[index % values.length] ?? values[0];
const sqlTime = (iso: string) => iso.replace('T', ' ').replace('Z', '');
/** The local time at +02:00. */
const localTime = (iso: string) => sqlTime(second(Date.parse(iso) + 7_200_000)).slice(0, 19);
const quoted = (value: string | number | null) =>
  value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value}'`;
const insert = (table: string, rows: readonly (readonly (string | number | null)[])[]) =>
  `INSERT INTO ${table} VALUES ${rows.map((row) => `(${row.map(quoted).join(', ')})`).join(', ')}`;

/** Four exports a second, so that a page ends among equal times. */
const times = (index: number) => ({
  createdAt: second(start + Math.floor(index / 4) * 1_000),
  updatedAt: second(start + 86_400_000 - Math.floor(index / 3) * 1_000),
});

const processed = (status: ExportStatus, countTotal: number, countProcessed: number) => ({
  ...{ countTotal, countProcessed },
  progress: status === COMPLETED ? 1 : Math.min(countProcessed / countTotal, 1),
});

export const contentOf = (objectKey: string) => `content of ${objectKey}`;

function filament(): AdoptableSystem {
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const exports = indexes.map((index): AdoptedExport => {
    const status = pick([COMPLETED, TIMED_OUT, PROCESSING, QUEUED], index);
    const isRunning = status === PROCESSING || status === QUEUED;
    const { createdAt, updatedAt } = times(index);
    const id = String(index + 95);
    return {
      ...{ id, name: `people-${index}`, status, createdAt },
      resource: pick([CONTACT, SHIPMENT, OTHER], index),
      ...{
        countBatches: 0,
        ...processed(status, pick([10, 20, 5], index), status === QUEUED ? 0 : 3),
      },
      failureCode: null,
      requestedBy: pick(['7', '70'], index),
      updatedAt: isRunning ? second(now - index * 1_000) : updatedAt,
      completedAt: status === COMPLETED ? updatedAt : null,
      files: status === COMPLETED ? { csvUrl: `filament_exports/${id}/people-${index}.csv` } : {},
    };
  });
  const row = (each: AdoptedExport, user: string) => [
    ...[Number(each.id), each.completedAt && localTime(each.completedAt), 's3', each.name],
    `App\\\\Filament\\\\Exports\\\\${{ contact: 'ContactExporter', shipment: 'ShipmentExporter' }[each.resource as string] ?? 'TagExporter'}`,
    ...[each.countProcessed, each.countTotal, 3, Number(user)],
    ...[localTime(each.createdAt), localTime(each.updatedAt)],
  ];
  return {
    ...{ heading: 'Laravel Filament', schema: 'laravel', views: 'exports_gateway', exports },
    ...{ organization: '12', others: ['12abc', '012', '12.0', '1', '13', '+12'] },
    similarIds: ['95abc', '095', '95.0', '+95', '9.5e1'],
    requester: { name: '7', similar: '07' },
    otherViews: [
      {
        what: 'ids as text',
        ...{ organization: '12', instead: 'e.id,', select: 'CAST(e.id AS CHAR) AS id,' },
      },
      {
        what: 'a prefix of the organization',
        ...{ organization: 'team-12', instead: 'u.team_id', select: "CONCAT('team-', u.team_id)" },
      },
      {
        what: 'the organization in a generated column',
        ...{
          organization: 'team-12',
          instead: 'u.team_id',
          select: 'u.organization',
          sql: 'Speed',
        },
      },
      {
        what: 'ids that are unique within an organization only',
        ...{ organization: '12', instead: 'JOIN laravel.users u' },
        select:
          'JOIN (SELECT id, team_id FROM laravel.users UNION ALL SELECT id, 99 FROM laravel.users) u',
      },
    ],
    isNumbered: true,
    isListSorted: true,
    bulk: `INSERT INTO laravel.users (team_id, email)
         SELECT 12 + u.id % 20, 'y@example.com' FROM laravel.users u, laravel.users v LIMIT 400;
       INSERT INTO laravel.exports (file_disk, exporter, total_rows, user_id, created_at, updated_at)
         SELECT 's3', 'TagExporter', 1, u.id, NOW(), NOW() FROM laravel.users u, laravel.users v
         WHERE v.id >= 120`,
    inserts: [
      insert('laravel.users', [
        ...[7, 70].map((id) => [id, 12, `${id}@example.com`]),
        ...[...Array(60).keys()].map((id) => [id + 100, 13 + (id % 20), 'x@example.com']),
      ]),
      insert(
        'laravel.exports',
        exports.map((each) => row(each, each.requestedBy ?? '')),
      ),
    ],
  };
}

function houseMade(): AdoptableSystem {
  const uuid = (index: number) =>
    `0b6f1c1e-0000-4000-8000-${String(index * 7919).padStart(12, 'a')}`;
  const states = { completed: 'done', failed: 'error', processing: 'running' };
  const exports = indexes.map((index): AdoptedExport => {
    const status = pick([COMPLETED, FAILED, PROCESSING] as const, index);
    const id = uuid(index);
    return {
      ...{ id, name: `Größe ${index}`, status, ...times(index) },
      resource: pick([CONTACT, SHIPMENT, OTHER], index),
      ...{ countBatches: index % 3, ...processed(status, pick([10, 20, 5], index), index) },
      failureCode: status === FAILED ? 'E42' : null,
      requestedBy: pick(['ann', 'Ann', 'bob'], index),
      completedAt: null,
      files:
        status === COMPLETED
          ? { csvUrl: `out/${id}.csv`, csvErrorUrl: `out/${id}-e.csv`, jsonUrl: `out/${id}.json` }
          : {},
    };
  });
  const row = (each: AdoptedExport, id: string, tenant: string) => [
    ...[id, tenant, each.name],
    { contact: 'people', shipment: 'parcels' }[each.resource as string] ?? 'tags',
    states[each.status as keyof typeof states],
    ...[each.countBatches, each.countTotal, each.countProcessed],
    ...[null, each.failureCode && 42, each.requestedBy],
    ...[sqlTime(each.createdAt).slice(0, 19), sqlTime(each.updatedAt).slice(0, 19)],
    ...[null, null, null],
  ];
  const formats = { csvUrl: 'csv', csvErrorUrl: 'errors', jsonUrl: 'json' };
  return {
    heading: 'A table of your own',
    ...{ schema: 'warehouse', views: 'warehouse', exports, organization: 'acme' },
    others: ['ACME', 'Acme', 'acmé', 'globex'].filter((text) => /^[\x21-\x7e]+$/.test(text)),
    similarIds: [uuid(0).toUpperCase()],
    requester: { name: 'ann', similar: 'ANN' },
    otherViews: [],
    isNumbered: false,
    isListSorted: false,
    bulk: `INSERT INTO warehouse.data_exports (uuid, tenant_id, title, dataset, state, created_at, changed_at)
       SELECT UUID(), CONCAT('t', a.records), 'x', 'x', 'done', a.created_at, a.created_at
       FROM warehouse.data_exports a, warehouse.data_exports b, warehouse.data_exports c LIMIT 3000`,
    inserts: [
      insert(
        'warehouse.data_exports',
        exports.map((each) => row(each, each.id, 'acme')),
      ),
      insert(
        'warehouse.data_exports',
        ['ACME', 'globex'].flatMap((tenant, at) =>
          exports.map((each, index) => row(each, uuid(1_000 * (at + 1) + index), tenant)),
        ),
      ),
      insert(
        'warehouse.data_export_files',
        exports.flatMap(({ id, files }) =>
          Object.entries(files).map(([field, key]) => [
            ...[id, formats[field as keyof typeof formats], key, null, contentOf(key).length],
          ]),
        ),
      ),
    ],
  };
}

function singleTenant(): AdoptableSystem {
  const exports = indexes.map((index): AdoptedExport => {
    const status = pick([COMPLETED, FAILED, TIMED_OUT], index);
    const { createdAt, updatedAt } = times(index);
    const id = String(index + 1);
    return {
      ...{ id, name: `Job ${index}`, resource: OTHER, status },
      ...{
        countBatches: 0,
        countTotal: pick([10, 20, 5], index),
        failureCode: null,
        requestedBy: null,
      },
      // The table does not say how many records are done.
      ...{ countProcessed: 0, progress: null },
      // Most differ by microseconds.
      createdAt: createdAt.replace('.000Z', `.1234${String(56 + (index % 2))}Z`),
      updatedAt: updatedAt.replace('.000Z', '.000001Z'),
      completedAt: null,
      files: status === COMPLETED ? { csvUrl: `j/${id}.csv`, jsonUrl: `j/${id}.json` } : {},
    };
  });
  return {
    ...{ heading: 'One organization', schema: 'reports', views: 'exports_gateway', exports },
    ...{ organization: 'acme', others: ['ACME', 'acmee', 'globex'] },
    similarIds: ['1abc', '01', '1.0', '1e0'],
    requester: null,
    otherViews: [],
    isNumbered: true,
    isListSorted: false,
    bulk: `INSERT INTO reports.jobs (title, status, csv_path, created_at, updated_at)
       SELECT 'x', 'completed', 'x.csv', a.created_at, a.updated_at
       FROM reports.jobs a, reports.jobs b, reports.jobs c LIMIT 3000`,
    inserts: [
      insert(
        'reports.jobs',
        exports.map(({ id, name, status, countTotal, createdAt, updatedAt, files }) => [
          ...[Number(id), name, status, countTotal, files['csvUrl'] ?? null],
          ...[files['jsonUrl'] ?? null, sqlTime(createdAt), sqlTime(updatedAt)],
        ]),
      ),
    ],
  };
}

export const adoptableSystems = [filament(), houseMade(), singleTenant()];
