import type fc from 'fast-check';

import { ExportFileKind } from '../../src/exports/export-file.js';
import { ExportResource, ExportStatus } from '../../src/exports/export.js';
import { createSchema } from '../../src/graphql/schema.js';
import { post } from '../support/post.js';
import { exportId, exportRows, fileRow, type Rows } from '../support/rows.js';
import { fuzzedRequests, type GraphqlRequest } from './requests.js';

const ROWS = 30;

const resources = Object.values(ExportResource);
const statuses = Object.values(ExportStatus);

/** Exports of every resource and status, some with files. */
export const fuzzedRows: Rows = {
  exports: exportRows(ROWS, (index) => ({
    resource: resources[index % resources.length] ?? ExportResource.CONTACT,
    status: statuses[index % statuses.length] ?? ExportStatus.QUEUED,
    failureReason: index % 3 === 0 ? 'é "quoted" 🎉' : null,
    failureCode: index % 4 === 0 ? 'TOO_LARGE' : null,
    expiresAt: index % 7 === 2 ? new Date(0) : null,
  })),
  files: [0, 1, 2, 4, 9].flatMap((index) =>
    Object.values(ExportFileKind)
      .slice(index % 3)
      .map((kind) => fileRow(index, kind)),
  ),
};

/** Requests to a gateway with these rows, generated from its schema. */
export async function requestsTo(origin: string): Promise<fc.Arbitrary<() => GraphqlRequest>> {
  const query = `{ a: exports { ...c } b: exports(limit: 3, direction: DESC) { ...c } }
                 fragment c on ExportConnection { pagination { endCursor } }`;
  const { text } = await post(`${origin}/graphql`, { query });
  const cursors = [...text.matchAll(/"endCursor":"(.*?)"/g)].map(([, cursor = '']) => cursor);
  return fuzzedRequests(await createSchema(), {
    ids: [0, 1, 2, 3, 4, 9, ROWS - 1, ROWS].map(exportId),
    texts: ['Export', 'xport 1', 'E', '9', ...cursors],
  });
}
