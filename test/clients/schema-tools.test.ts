import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { compile, useDocumentedCode } from '../docs/documented-code.js';
import { codeBlocksOf } from '../docs/markdown.js';
import { run } from '../support/apt.js';

const blocks = codeBlocksOf(await readFile('docs/front-ends.md', 'utf8'));
/** The file of the documentation whose first line is a comment with its name. */
const documentedConfig = (name: string) =>
  blocks.find(({ code }) => [`// ${name}`, `# ${name}`].includes(code.split('\n')[0] ?? ''))
    ?.code ?? '';

const list = `
import { graphql } from 'react-relay';
export const query = graphql\`query listQuery { ...list_exports }\`;
export const fragment = graphql\`
  fragment list_exports on Query
  @argumentDefinitions(
    first: { type: "Int" } after: { type: "String" } last: { type: "Int" } before: { type: "String" }
  )
  @refetchable(queryName: "listPaginationQuery") {
    exports(first: $first, after: $after, last: $last, before: $before, direction: DESC)
    @connection(key: "list_exports") {
      edges { node { id name progress createdAt expiresAt files { id sizeBytes } } }
      pagination { totalCount }
    }
  }
\`;
export const paged = <p>{String(fragment)}</p>;
`;
const relayConfig = {
  ...{ src: 'src', schema: 'schema.graphql', language: 'typescript', eagerEsModules: true },
  customScalarTypes: { DateTime: 'string', URL: 'string', SafeInt: 'number' },
};

/** Reads a generated type: a scalar that the schema lacks would be `any`. */
const usage = `
import type { list_exports$data } from './__generated__/list_exports.graphql';
type Node = NonNullable<list_exports$data['exports']>['edges'][number]['node'];
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export const isTyped: Same<
  [Node['createdAt'], Node['progress'], Node['files'][number]['sizeBytes']],
  [string, number | null | undefined, number | null | undefined]
> = true;
`;

const valid = `query Exports($filter: ExportFilter, $first: Int!, $after: String) {
  exports(filter: $filter, first: $first, after: $after) {
    edges { node { id name isExpired files { id state } } }
    pageInfo { hasNextPage endCursor }
  }
}
`;
const component = (name: string, field: string) => `
import type { Shown } from './shown';
export const query = /* GraphQL */ \`query ${name} { exports { data { id ${field} } } }\`;
export const shown = ({ text }: Shown) => <p>{text}</p>;
`;

describe('schema.graphql', () => {
  const documented = useDocumentedCode();
  let folder = '';

  /** Writes a project of a front end into a new folder. */
  async function write(files: Record<string, string>): Promise<void> {
    folder = await mkdtemp(join(documented.folder, 'project-'));
    await mkdir(join(folder, 'src'));
    await symlink(join(documented.folder, 'node_modules'), join(folder, 'node_modules'));
    await copyFile('schema.graphql', join(folder, 'schema.graphql'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  }

  it('is compiled by relay-compiler, with pages in both directions', async () => {
    await write({
      'relay.config.json': JSON.stringify(relayConfig),
      'src/list.tsx': list,
      'src/usage.ts': usage,
    });
    const program = join(folder, 'node_modules/relay-compiler/cli.js');
    await run(process.execPath, [program], { cwd: folder, timeout: 60_000 });
    const fragment = join(folder, 'src/__generated__/list_exports.graphql.ts');
    expect(await readFile(fragment, 'utf8')).toContain('"direction": "bidirectional"');
    expect(await compile(folder, { files: ['src/usage.ts', 'src/list.tsx'], types: [] })).toBe('');
  });

  it('lets graphql-eslint, as documented, accept valid documents and find what is wrong in others', async () => {
    await write({
      '.graphqlrc.yml': documentedConfig('.graphqlrc.yml'),
      'eslint.config.mjs': documentedConfig('eslint.config.mjs'),
      'src/valid.graphql': valid,
      'src/invalid.graphql': 'query Invalid { exports(direction: UP) { data { name } } }',
      'src/valid.tsx': component('Valid', 'status'),
      'src/invalid.tsx': component('AlsoInvalid', 'rows'),
    });
    const program = join(folder, 'node_modules/eslint/bin/eslint.js');
    const args = [program, '--format', 'json', 'src'];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    const results = JSON.parse(stdout) as { filePath: string; messages: { message: string }[] }[];
    const found = results.map(({ filePath, messages }) => [
      basename(filePath),
      messages.map(({ message }) => message),
    ]);
    expect(Object.fromEntries(found)).toEqual({
      'valid.graphql': [],
      'valid.tsx': [],
      'invalid.graphql': [
        'Value "UP" does not exist in "ExportSortDirection" enum.',
        expect.stringContaining('Field `data.id` must be selected'),
      ],
      'invalid.tsx': [expect.stringContaining('Cannot query field "rows"')],
    });
  });
});
