import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { compile, useDocumentedCode } from '../docs/documented-code.js';
import { documentedFile } from '../docs/markdown.js';
import { run } from '../support/apt.js';

const whole = `id name resource status countBatches countTotal countProcessed progress estimatedCompletionAt
  createdAt updatedAt startedAt completedAt expiresAt isExpired
  failureReason failureCode requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl
  files { id kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }`;
const oneExport = `
import { graphql } from './gql';
export const oneExport = graphql(\`
  query OneExport($id: ID!, $includeCsv: Boolean!, $includeJson: Boolean!) {
    export(id: $id, includeCsv: $includeCsv, includeJson: $includeJson) { ${whole} }
  }
\`);
`;
const list = `
import { graphql } from './gql';
const list = graphql(\`
  query Exports(
    $filter: ExportFilter, $orderBy: ExportOrderBy!, $direction: ExportSortDirection!,
    $page: Int!, $limit: Int!, $after: String
  ) {
    exports(filter: $filter, orderBy: $orderBy, direction: $direction, page: $page, limit: $limit, after: $after) {
      data { ${whole} }
      pagination { page limit hasMore totalCount totalPages endCursor }
    }
  }
\`);
export const names = <p>{list.kind}</p>;
`;

/** Code of a front end that compiles only with exactly these types, none `any` or `unknown`. */
const usage = `
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
import { ApolloClient, HttpLink } from '@apollo/client';
import { cache } from './cache';
import { ExportsDocument, OneExportDocument } from './gql/graphql';

type Loose<T, Path extends string> = unknown extends T ? Path
  : T extends readonly (infer Item)[] ? Loose<Item, \`\${Path}[]\`>
  : T extends object ? { [K in keyof T & string]-?: Loose<T[K], \`\${Path}.\${K}\`> }[keyof T & string]
  : never;
type None<T extends never> = T;
export type NothingLoose = [
  None<Loose<ResultOf<typeof OneExportDocument>, 'one'>>,
  None<Loose<VariablesOf<typeof OneExportDocument>, 'one$'>>,
  None<Loose<ResultOf<typeof ExportsDocument>, 'list'>>,
  None<Loose<VariablesOf<typeof ExportsDocument>, 'list$'>>,
];

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_same: Same<A, B>): void {}
type One = NonNullable<ResultOf<typeof OneExportDocument>['export']>;
type List = NonNullable<ResultOf<typeof ExportsDocument>['exports']>;
type Text = string | null;
same<[One['id'], One['createdAt'], One['startedAt'], One['csvUrl']], [string, string, Text, Text]>(true);
same<[One['countTotal'], One['files'][number]['sizeBytes']], [number, number | null]>(true);
same<One['status'], 'QUEUED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'TIMED_OUT'>(true);
same<[List['data'][number], List['pagination']['endCursor']], [One, Text]>(true);

export const client = new ApolloClient({ cache, link: new HttpLink({ uri: '/graphql' }) });
export async function ask(): Promise<string | null | undefined> {
  const variables = { id: 'exp_1', includeCsv: true, includeJson: false };
  const { data } = await client.query({ query: OneExportDocument, variables });
  // @ts-expect-error There is no such status.
  if (data?.export?.status === 'DONE') return null;
  // @ts-expect-error An id is needed.
  await client.query({ query: OneExportDocument, variables: { includeCsv: true } });
  return data?.export?.csvUrl;
}
`;

describe('graphql-codegen with the documented configuration', () => {
  const documented = useDocumentedCode();

  it('generates types without any or unknown from .ts and .tsx files', async () => {
    const { folder } = documented;
    await mkdir(join(folder, 'src'));
    await copyFile('schema.graphql', join(folder, 'schema.graphql'));
    const sources = {
      'codegen.ts': await documentedFile('codegen.ts'),
      'src/cache.ts': await documentedFile('cache.ts'),
      'src/one-export.ts': oneExport,
      'src/exports.tsx': list,
      'src/usage.ts': usage,
    };
    for (const [name, text] of Object.entries(sources)) await writeFile(join(folder, name), text);
    const program = join(folder, 'node_modules/@graphql-codegen/cli/esm/bin.js');
    await run(process.execPath, [program], { cwd: folder, timeout: 60_000 });
    const files = ['src/usage.ts', 'src/one-export.ts', 'src/exports.tsx'];
    expect(await compile(folder, { files, types: [] })).toBe('');
  });
});
