import 'reflect-metadata';

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { RemoteGraphQLDataSource } from '@apollo/gateway';
import { describe, expect, it } from '@jest/globals';
import { graphql, type GraphQLSchema } from 'graphql';

import { embedded } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportId, exportRow } from '../support/rows.js';
import { compile, useDocumentedCode } from './documented-code.js';
import { documentedFiles } from './markdown.js';

describe('the TypeScript files in the documentation', () => {
  const documented = useDocumentedCode();
  const gateway = useGateway(embedded, { exports: [exportRow(0)] });

  it('compile under strict settings', async () => {
    const { folder } = documented;
    // Those in .tsx also need what relay-compiler generates: see test/clients/relay-page.ts.
    const files = [...(await documentedFiles())].filter(([name]) => name.endsWith('.ts'));
    for (const [name, text] of files) await writeFile(join(folder, name), text);
    const names = files.map(([name]) => name);
    expect(await compile(folder, { files: names, types: ['node'] })).toBe('');
  });

  it('restore the error code of a response that is not 2xx in @apollo/gateway', async () => {
    const { ExportsSource } = await documented.load<{
      ExportsSource: new () => RemoteGraphQLDataSource;
    }>('exports-source.ts');
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ unknown }' }),
    });
    expect(response.status).toBe(400);
    const extensionsFrom = async (source: RemoteGraphQLDataSource) =>
      (await source.errorFromResponse(response.clone())).extensions;
    const code = 'GRAPHQL_VALIDATION_FAILED';
    expect(await extensionsFrom(new RemoteGraphQLDataSource())).toMatchObject({
      response: { status: 400, body: { errors: [{ extensions: { code } }] } },
    });
    expect(await extensionsFrom(new ExportsSource())).toEqual({ code });
  });

  it('stitch a schema that reads exports from the gateway', async () => {
    const { stitchedSchema } = await documented.load<{
      stitchedSchema: (sdl: string) => GraphQLSchema;
    }>('stitched-schema.ts', gateway.origin);
    const { data } = await gateway.query<{ _sdl: string }>('{ _sdl }');
    const schema = stitchedSchema(data._sdl);
    const source = `{ export(id: "${exportId(0)}") { name } }`;
    expect(await graphql({ schema, source, contextValue: {} })).toEqual({
      data: { export: { name: 'Export 0' } },
    });
  });
});
