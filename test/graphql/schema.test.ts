import 'reflect-metadata';

import { readFile } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';

import { createSchemaText } from '../../src/graphql/schema.js';
import { entriesOf } from './schema-entries.js';

/** The API that clients depend on. */
const contract = `
  type Query {
    export(id: ID!, includeCsv: Boolean! = false, includeJson: Boolean! = false): Export
    exports(
      filter: ExportFilter, orderBy: ExportOrderBy! = CREATED_AT, direction: SortDirection! = ASC,
      page: Int! = 1, limit: Int! = 10, after: String,
      includeCsv: Boolean! = false, includeJson: Boolean! = false
    ): ExportConnection
    exportsByIds(ids: [ID!]!, includeCsv: Boolean! = true, includeJson: Boolean! = true): [Export]!
    _service: _Service!
    _entities(representations: [_Any!]!): [_Entity]!
    _sdl: String!
  }
  type _Service { sdl: String! }
  union _Entity = Export
  scalar _Any
  input ExportFilter { resource: ExportResource statuses: [ExportStatus!] search: String }
  enum ExportResource { CONTACT GROUP LOCATION SHIPMENT TRACKER SHIPPING_LABEL_INFERENCE }
  enum ExportStatus { QUEUED PROCESSING COMPLETED FAILED TIMED_OUT }
  enum ExportOrderBy { CREATED_AT UPDATED_AT COUNT_BATCHES COUNT_TOTAL }
  enum SortDirection { ASC DESC }
  type ExportConnection { data: [Export!]! pagination: ExportPagination! }
  type ExportPagination {
    page: Int! limit: Int! hasMore: Boolean! totalCount: Int! totalPages: Int! endCursor: String
  }
  type Export {
    id: ID! name: String! resource: ExportResource! status: ExportStatus!
    countBatches: Int! countTotal: Int!
    createdAt: DateTime! updatedAt: DateTime! startedAt: DateTime completedAt: DateTime expiresAt: DateTime
    failureReason: String requestedBy: String
    jsonUrl: URL csvUrl: URL csvErrorUrl: URL csvSanitizedUrl: URL
    files: [ExportFile!]!
  }
  type ExportFile {
    kind: ExportFileKind! state: ExportFileState! fileName: String! sizeBytes: SafeInt rowCount: Int
    sha256: String url: URL urlExpiresAt: DateTime
  }
  enum ExportFileKind { JSON CSV CSV_ERROR CSV_SANITIZED }
  enum ExportFileState { PENDING READY NOT_PRODUCED EXPIRED }
  scalar DateTime
  scalar URL
  scalar SafeInt
`;

const text = await createSchemaText();

describe('the schema', () => {
  it('is the contract', () => {
    const lines = (sdl: string) =>
      entriesOf(buildSchema(sdl))
        .map(({ says }) => says)
        .sort();
    expect(lines(text)).toEqual(lines(contract));
  });

  it('is the content of schema.graphql, which npm run schema writes', async () => {
    expect(await readFile('schema.graphql', 'utf8')).toBe(text);
  });

  it('describes every type, field, argument and value', () => {
    const entries = entriesOf(buildSchema(text));
    expect(entries.length).toBeGreaterThan(50);
    expect(entries.filter(({ description }) => !description)).toEqual([]);
  });
});
