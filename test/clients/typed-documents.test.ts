import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildSchema, parse, validateSchema } from 'graphql';

import { compile, useDocumentedCode } from '../docs/documented-code.js';
import { documentedFile } from '../docs/markdown.js';

const whole = `id name resource status countBatches countTotal countProcessed progress estimatedCompletionAt
  createdAt updatedAt startedAt completedAt expiresAt isExpired
  failureReason failureCode requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl
  files { id kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }`;
const operations = `
query OneExport($id: ID!, $includeCsv: Boolean!, $includeJson: Boolean!) {
  export(id: $id, includeCsv: $includeCsv, includeJson: $includeJson) { ${whole} }
}
query Exports(
  $filter: ExportFilter, $orderBy: ExportOrderBy!, $direction: ExportSortDirection!,
  $page: Int!, $limit: Int!, $after: String
) {
  exports(filter: $filter, orderBy: $orderBy, direction: $direction, page: $page, limit: $limit, after: $after) {
    data { ${whole} }
    pagination { page limit hasMore totalCount totalPages endCursor }
  }
}`;

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

  it('generates types without any or unknown, because it maps every scalar', async () => {
    const sdl = await readFile('schema.graphql', 'utf8');
    expect(validateSchema(buildSchema(sdl))).toEqual([]);
    const { default: configuration } = await documented.load<{
      default: {
        generates: Record<string, { preset: string; config: { scalars?: Record<string, string> } }>;
      };
    }>('codegen.ts');
    const [output] = Object.values(configuration.generates);
    if (output === undefined) throw new Error('The documented configuration generates nothing');
    expect(output.preset).toBe('client');
    expect(Object.keys(output.config.scalars ?? {}).sort()).toEqual(['DateTime', 'SafeInt', 'URL']);
    const { folder } = documented;
    await mkdir(join(folder, 'gql'));
    const files = await preset.buildGeneratesSection({
      baseOutputDir: join(folder, 'gql/'),
      schema: parse(sdl),
      documents: [{ document: parse(operations), rawSDL: operations }],
      config: output.config,
      presetConfig: {},
      plugins: [],
      pluginMap: {},
    });
    for (const file of files) await writeFile(file.filename, await codegen(file));
    await writeFile(join(folder, 'cache.ts'), await documentedFile('cache.ts'));
    await writeFile(join(folder, 'usage.ts'), usage);
    expect(await compile(folder, { files: ['usage.ts'], types: [] })).toBe('');
  });
});
