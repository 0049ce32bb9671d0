import 'reflect-metadata';

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { RemoteGraphQLDataSource } from '@apollo/gateway';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { graphql, type GraphQLError, type GraphQLSchema } from 'graphql';

import { createFrontEnd, type FrontEnd } from '../clients/front-end.js';
import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import { documentedFiles } from './markdown.js';

const tsconfig = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    module: 'ESNext',
    moduleResolution: 'bundler',
    strict: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node'],
  },
  include: ['*.ts'],
};

/** The package itself is not installed; this is its type. */
const codegenTypes = `
declare module '@graphql-codegen/cli' {
  export type CodegenConfig = import('@graphql-codegen/plugin-helpers').Types.Config;
}`;

describe('the TypeScript files in the documentation', () => {
  let database: EngineDatabase;
  let gateway: Gateway;
  let frontEnd: FrontEnd;
  beforeAll(async () => {
    database = (await engines[0]?.provide()) as EngineDatabase;
    gateway = await startGateway(database);
    await insertRows(gateway.source, { exports: [exportRow(0)] });
    frontEnd = await createFrontEnd();
  });
  afterAll(async () => {
    await frontEnd.remove();
    await gateway.close();
    await database.dispose();
  });

  it('compile under strict settings', async () => {
    const { folder } = frontEnd;
    for (const [name, code] of await documentedFiles()) await writeFile(join(folder, name), code);
    await writeFile(join(folder, 'codegen-types.d.ts'), codegenTypes);
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    const tsc = join(folder, 'node_modules/typescript/bin/tsc');
    const compiled = promisify(execFile)(process.execPath, [tsc, '-p', '.'], { cwd: folder });
    expect(await compiled.catch((error: unknown) => (error as { stdout: string }).stdout)).toEqual({
      stdout: '',
      stderr: '',
    });
  });

  it('restore the error code of a response that is not 2xx in @apollo/gateway', async () => {
    const { ExportsSource } = (await frontEnd.load('exports-source.ts')) as {
      ExportsSource: new () => RemoteGraphQLDataSource;
    };
    const response = await fetch(`${gateway.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ unknown }' }),
    });
    expect(response.status).toBe(400);
    const error: GraphQLError = await new ExportsSource().errorFromResponse(response);
    expect(error.extensions).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' });
  });

  it('stitch a schema that reads exports from the gateway', async () => {
    const { stitchedSchema } = (await frontEnd.load('stitched-schema.ts', gateway.origin)) as {
      stitchedSchema: (sdl: string) => GraphQLSchema;
    };
    const { data } = await gateway.query<{ _sdl: string }>('{ _sdl }');
    const schema = stitchedSchema(data._sdl);
    const source = `{ export(id: "${exportId(0)}") { name } }`;
    expect(await graphql({ schema, source, contextValue: {} })).toEqual({
      data: { export: { name: 'Export 0' } },
    });
  });
});
