import type fc from 'fast-check';
import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import type { DataSource } from 'typeorm';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { exportId, exportRow, fileRow, insertRows } from '../support/rows.js';
import { post } from './answers.js';
import type { GraphqlRequest } from './documents.js';
import { fuzzedRequests } from './fuzzed-requests.js';

const ROWS = 30;

/** Exports of every kind, some of them with files. */
export async function insertFuzzedRows(source: DataSource): Promise<void> {
  const resources = Object.values(ExportResource);
  const statuses = Object.values(ExportStatus);
  await insertRows(source, {
    exports: Array.from({ length: ROWS }, (_, index) =>
      exportRow(index, {
        resource: resources[index % resources.length] ?? ExportResource.CONTACT,
        status: statuses[index % statuses.length] ?? ExportStatus.QUEUED,
        failureReason: index % 3 === 0 ? 'é "quoted" 🎉' : null,
        expiresAt: index % 7 === 2 ? new Date(0) : null,
      }),
    ),
    files: [0, 1, 2, 4, 9].flatMap((index) =>
      Object.values(ExportFileKind)
        .slice(index % 3)
        .map((kind) => fileRow(index, kind)),
    ),
  });
}

/** Requests to a gateway with these rows, by the schema and the words that it has. */
export async function requestsTo(origin: string): Promise<fc.Arbitrary<() => GraphqlRequest>> {
  const ask = async (query: string) => JSON.parse((await post(origin, { query })).text) as unknown;
  const introspection = (await ask(getIntrospectionQuery())) as { data: IntrospectionQuery };
  const cursors = (await ask(
    '{ a: exports { pagination { endCursor } } b: exports(limit: 3, direction: DESC) { pagination { endCursor } } }',
  )) as { data: Record<string, { pagination: { endCursor: string } }> };
  return fuzzedRequests(buildClientSchema(introspection.data), {
    ids: [0, 1, 2, 3, 4, 9, ROWS - 1, ROWS].map(exportId),
    cursors: Object.values(cursors.data).map(({ pagination }) => pagination.endCursor),
    words: ['Export', 'xport 1', 'E', '9'],
  });
}
