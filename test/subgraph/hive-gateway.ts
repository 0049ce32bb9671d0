/**
 * `npm run test:hive`: Hive Gateway, as a program of its own, over the composed supergraph. It is no part of the suite, for it
 * downloads half a gigabyte, into a folder that it removes.
 */
import { deepEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startProgram } from '../support/built-gateway.js';
import { run } from '../support/apt.js';
import { engines } from '../support/engines.js';
import type { GraphqlError } from '../support/gateway.js';
import { exportId } from '../support/rows.js';
import { bearing, FOREIGN, SECOND, startSubgraphs, type Subgraphs } from './subgraphs.js';
import { supergraphOf } from './supergraph.js';

const PACKAGES = ['@graphql-hive/gateway@2.15.1', 'graphql@16.15.0'];
/** A page of shipments. */
const LIST = 50;

/** What the gateway must be told: that the credentials of a client are for the subgraphs, too. */
const gatewayConfig = `
  import { defineConfig } from '@graphql-hive/gateway';
  export const gatewayConfig = defineConfig({
    propagateHeaders: {
      fromClientToSubgraphs: ({ request }) => ({ authorization: request.headers.get('authorization') }),
    },
  });
`;

interface QueryResult {
  readonly data: unknown;
  readonly errors?: readonly GraphqlError[];
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function shortened(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}… (${text.length} characters)` : text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No TCP port is free.');
  return address.port;
}

async function install(folder: string): Promise<void> {
  say(`Installing ${PACKAGES.join(' and ')} …`);
  const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', [...args, ...PACKAGES], { timeout: 600_000 });
}

/** Asks everything; each answer that is not as it should be throws. */
async function askAll(url: string, subgraphs: Subgraphs): Promise<void> {
  const ofA = await bearing('org_a');

  async function ask(
    query: string,
    headers: Record<string, string> = ofA,
  ): Promise<QueryResult & { statements: readonly string[] }> {
    say(`\n> ${shortened(query)}`);
    const answer = await subgraphs.counting(async () => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query }),
      });
      return (await response.json()) as QueryResult;
    });
    const { statements, ...body } = answer;
    say(shortened(JSON.stringify(body)));
    say(`(${statements.length} SQL statements)`);
    return answer;
  }
  const codesOf = ({ errors = [] }: QueryResult) => [
    ...new Set(errors.map(({ extensions }) => extensions.code)),
  ];
  const requests = () => subgraphs.gateway.log.filter(({ path }) => path === '/graphql').length;

  const before = requests();
  const crossing = await ask(
    `{ shipments(first: ${LIST}) { id lastExport { id name csvUrl jsonUrl shipments { id } } } }`,
  );
  deepEqual(codesOf(crossing), []);
  const links = JSON.stringify(crossing.data).match(/"csvUrl":"[^"]+\/csv\?[^"]+"/g);
  deepEqual(links?.length, LIST);
  const { shipments } = JSON.parse(
    JSON.stringify(crossing.data).replace(/"csvUrl":"[^"]+",/g, ''),
  ) as { shipments: unknown[] };
  deepEqual(shipments.length, LIST);
  deepEqual(shipments[7], {
    id: 'shp_7',
    lastExport: { id: exportId(7), name: 'Export 7', jsonUrl: null, shipments: [{ id: 'shp_7' }] },
  });
  deepEqual(crossing.statements.length, 2);
  say(`(${requests() - before} request to the exports)`);
  deepEqual(requests() - before, 1);

  const back = await ask(
    '{ exports(limit: 1) { data { name csvUrl shipments { id lastExport { name } } } } }',
  );
  const named = { name: 'Export 0' };
  const [own, second] = ['shp_0', `shp_${SECOND}`].map((id) => ({ id, lastExport: named }));
  deepEqual(back.data, {
    exports: { data: [{ ...named, csvUrl: null, shipments: [own, second] }] },
  });

  // Hive itself adds an error to this null: it had the id from the shipments, and then no name.
  const foreign = await ask(`{ shipment(id: "shp_${FOREIGN}") { id lastExport { name } } }`);
  deepEqual(foreign.data, { shipment: { id: `shp_${FOREIGN}`, lastExport: null } });

  deepEqual(codesOf(await ask('{ exports(limit: 101) { data { id } } }')), ['BAD_USER_INPUT']);
  deepEqual(codesOf(await ask('{ exports { data { id } } }', {})), ['UNAUTHENTICATED']);
  const lists = [...Array(12).keys()].map(
    (n) => `a${n}: exports(limit: 100) { data { id name status createdAt updatedAt csvUrl } }`,
  );
  deepEqual(codesOf(await ask(`{ ${lists.join(' ')} }`)), ['QUERY_TOO_COMPLEX']);
}

const [embedded] = engines;
if (embedded === undefined) throw new Error('No engine');
const folder = await mkdtemp(join(tmpdir(), 'hive-gateway-'));
const database = await embedded.provide();
const subgraphs = await startSubgraphs(database);
try {
  await install(folder);
  const supergraph = supergraphOf([subgraphs.exports, subgraphs.shipments]);
  await writeFile(join(folder, 'supergraph.graphql'), supergraph);
  await writeFile(join(folder, 'gateway.config.mjs'), gatewayConfig);
  say('The supergraph is composed, without errors or hints.');
  const port = await freePort();
  const hive = startProgram(
    [
      join(folder, 'node_modules/@graphql-hive/gateway/dist/bin.js'),
      ...['supergraph', 'supergraph.graphql', '--config-path', 'gateway.config.mjs'],
      ...['--host', '127.0.0.1', '--port', String(port)],
    ],
    folder,
    { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' },
  );
  try {
    await hive.untilLine(/Listening on/);
    for (const { msg } of hive.log) say(msg);
    await askAll(`http://127.0.0.1:${port}/graphql`, subgraphs);
    say('\nEverything is as it should be.');
  } finally {
    hive.kill('SIGTERM');
    await hive.ended;
  }
} finally {
  await subgraphs.close();
  await database.dispose();
  await rm(folder, { recursive: true });
}
