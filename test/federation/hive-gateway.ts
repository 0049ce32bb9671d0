import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll } from '@jest/globals';

import { codeBlocksOf } from '../docs/markdown.js';
import { run } from '../support/apt.js';
import { startProgram } from '../support/built-gateway.js';
import { freePort } from '../support/private-server.js';
import { composeSupergraph, overHttp, overSse, type Graph, type Subgraphs } from './graphs.js';

const PACKAGES = ['@graphql-hive/gateway@2.15.1', 'graphql@16.15.0'];

/** The configurations of Hive Gateway, which forward the credentials of clients, by how they subscribe. */
const documented = codeBlocksOf(await readFile('docs/federation.md', 'utf8'));
const configs = {
  websocket: documented.find(({ code }) => code.startsWith('// gateway.config.mjs'))?.code ?? '',
  sse: `
  import { defineConfig } from '@graphql-hive/gateway';
  export const gatewayConfig = defineConfig({
    propagateHeaders: {
      fromClientToSubgraphs: ({ request }) => ({ authorization: request.headers.get('authorization') }),
    },
  });
`,
};

/** Downloads half a gigabyte before the tests of the file, into a folder that it removes after them. */
export function useHiveGateways() {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hive-gateway-'));
    const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'];
    await run('npm', [...args, ...PACKAGES], { timeout: 600_000 });
  }, 600_000);
  afterAll(() => rm(folder, { recursive: true }));

  return (['websocket', 'sse'] as const).map((subscribesBy) => ({
    name: `Hive Gateway (${subscribesBy})`,
    subscribesBy,
    // Hive Gateway already has the id of the export, and masks its error about the missing name.
    nullError: { message: 'Unexpected error.' },
    async start({ exports, shipments }: Subgraphs): Promise<Graph> {
      const { supergraphSdl } = composeSupergraph([exports, shipments]);
      await writeFile(join(folder, 'supergraph.graphql'), supergraphSdl);
      await writeFile(join(folder, 'gateway.config.mjs'), configs[subscribesBy]);
      const port = await freePort();
      const args = [
        join(folder, 'node_modules/@graphql-hive/gateway/dist/bin.js'),
        ...['supergraph', 'supergraph.graphql', '--config-path', 'gateway.config.mjs'],
        ...['--host', '127.0.0.1', '--port', String(port)],
      ];
      const env = { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' };
      const hive = startProgram(args, folder, env);
      await hive.untilLine(/Listening on/);
      const url = `http://127.0.0.1:${port}/graphql`;
      return {
        query: overHttp(url),
        subscribe: overSse(url),
        async close() {
          hive.kill('SIGTERM');
          await hive.ended;
        },
      };
    },
  }));
}
