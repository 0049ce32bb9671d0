import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildSchema, parse, validateSchema } from 'graphql';

import { documentedFile } from '../docs/markdown.js';
import { createFrontEnd, type FrontEnd } from './front-end.js';

const whole = `id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt expiresAt
  failureReason requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl
  files { kind state fileName sizeBytes rowCount sha256 url urlExpiresAt }`;
const operations = `
query OneExport($id: ID!, $includeCsv: Boolean!, $includeJson: Boolean!) {
  export(id: $id, includeCsv: $includeCsv, includeJson: $includeJson) { ${whole} }
}
query Exports(
  $filter: ExportFilter, $orderBy: ExportOrderBy!, $direction: SortDirection!,
  $page: Int!, $limit: Int!, $after: String
) {
  exports(filter: $filter, orderBy: $orderBy, direction: $direction, page: $page, limit: $limit, after: $after) {
    data { ${whole} }
    pagination { page limit hasMore totalCount totalPages endCursor }
  }
}`;

/** What a front end may write, with each type said to the letter; it does not compile when one is `any`, or unknown. */
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
same<One['id' | 'name' | 'createdAt' | 'updatedAt'], string>(true);
same<One['countBatches' | 'countTotal'], number>(true);
same<One['startedAt'], string | null>(true);
same<One['completedAt'], string | null>(true);
same<One['expiresAt'], string | null>(true);
same<One['jsonUrl'], string | null>(true);
same<One['csvUrl'], string | null>(true);
same<One['csvErrorUrl'], string | null>(true);
same<One['csvSanitizedUrl'], string | null>(true);
same<One['status'], 'QUEUED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'TIMED_OUT'>(true);
same<One['files'][number]['sizeBytes'], number | null>(true);
same<One['files'][number]['url'], string | null>(true);
same<One['files'][number]['state'], 'PENDING' | 'READY' | 'NOT_PRODUCED' | 'EXPIRED'>(true);
same<List['data'][number], One>(true);
same<List['pagination']['endCursor'], string | null>(true);

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

/** As in a new Vite project, and stricter. */
const tsconfig = {
  compilerOptions: {
    target: 'ES2022',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    module: 'ESNext',
    moduleResolution: 'bundler',
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    isolatedModules: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    exactOptionalPropertyTypes: true,
    noUnusedLocals: true,
    noImplicitReturns: true,
    noErrorTruncation: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  },
  files: ['typed/usage.ts', 'bare/usage.ts'],
};

interface PresetConfig {
  readonly scalars?: Record<string, string>;
  readonly useTypeImports?: boolean;
}

describe('graphql-codegen', () => {
  let frontEnd: FrontEnd;
  let sdl: string;
  let config: PresetConfig;
  beforeAll(async () => {
    frontEnd = await createFrontEnd();
    sdl = await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8');
    const loaded = await frontEnd.load('codegen.ts');
    const { generates } = loaded['default'] as {
      generates: Record<string, { preset: string; config: PresetConfig }>;
    };
    const [output] = Object.values(generates);
    expect(output?.preset).toBe('client');
    config = output?.config ?? {};
  });
  afterAll(() => frontEnd.remove());

  /** Makes of schema.graphql what the command line makes, with a use of it beside. */
  async function generate(name: string, pluginConfig: PresetConfig): Promise<void> {
    const folder = join(frontEnd.folder, name);
    await mkdir(join(folder, 'gql'), { recursive: true });
    const files = await preset.buildGeneratesSection({
      baseOutputDir: join(folder, 'gql/'),
      schema: parse(sdl),
      documents: [
        { location: 'operations.graphql', document: parse(operations), rawSDL: operations },
      ],
      config: pluginConfig,
      presetConfig: {},
      plugins: [],
      pluginMap: {},
    });
    for (const file of files) await writeFile(file.filename, await codegen(file));
    await writeFile(join(folder, 'cache.ts'), await documentedFile('cache.ts'));
    await writeFile(join(folder, 'usage.ts'), usage);
  }

  /** What the project's compiler has against the code of the front end. */
  async function complaints(): Promise<string> {
    await writeFile(join(frontEnd.folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    const tsc = join(frontEnd.folder, 'node_modules/typescript/bin/tsc');
    const cwd = frontEnd.folder;
    return promisify(execFile)(process.execPath, [tsc, '-p', '.'], { cwd }).then(
      () => '',
      (error: unknown) => (error as { stdout: string }).stdout,
    );
  }

  it('finds schema.graphql complete and right', () => {
    expect(validateSchema(buildSchema(sdl))).toEqual([]);
  });

  it('makes typed documents of it without any, once it is told what the scalars are', async () => {
    await generate('typed', config);
    const { scalars = {}, ...bare } = config;
    expect(Object.keys(scalars).sort()).toEqual(['DateTime', 'SafeInt', 'URL']);
    await generate('bare', bare);

    const found = await complaints();
    expect(found).not.toMatch(/^(?!bare\/usage\.ts)\S/m);
    // That the compiler would have found it is seen where it was not told.
    for (const field of ['createdAt', 'csvUrl', 'files[].sizeBytes', 'files[].url'])
      expect(found).toContain(`"one.export.${field}"`);
  });
});
