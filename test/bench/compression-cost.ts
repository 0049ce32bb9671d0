import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

import { buildGateway } from '../support/built-gateway.js';
import { cpuTime, digits } from './figures.js';

// Measures a page of 100 exports with links by encoding, on the embedded database, with the Node that runs it:
//   node --import @swc-node/register/esm-register test/bench/compression-cost.ts
const ROUNDS = 5;
const REQUESTS = 200;
const body = JSON.stringify({
  query: `{ exports(limit: 100, includeCsv: true, includeJson: true) {
    data { id name resource status countBatches countTotal createdAt updatedAt startedAt completedAt
      expiresAt failureReason requestedBy jsonUrl csvUrl csvErrorUrl csvSanitizedUrl }
    pagination { hasMore endCursor }
  } }`,
});

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
async function bytesOf(origin: string, encoding: string): Promise<number> {
  const headers = { 'content-type': 'application/json', 'accept-encoding': encoding };
  const sent = request(`${origin}/graphql`, { method: 'POST', agent, headers }).end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return (await buffer(response)).length;
}

const folder = await mkdtemp(join(tmpdir(), 'compression-cost-'));
const built = await buildGateway();
try {
  const program = built.start(folder, { NODE_ENV: 'production' });
  const origin = await program.origin();
  const figures = ['identity', 'gzip', 'br', 'zstd'].map((encoding) => ({
    encoding,
    bytes: 0,
    cpu: Infinity,
  }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const figure of figures) {
      const start = await cpuTime(program.pid);
      for (let at = 0; at < REQUESTS; at++) figure.bytes = await bytesOf(origin, figure.encoding);
      const cpu = ((await cpuTime(program.pid)) - start) / REQUESTS;
      // The first round warms up.
      if (round > 0) figure.cpu = Math.min(figure.cpu, cpu);
    }
  }
  console.log(`Node ${process.version}`);
  console.table(figures.map((figure) => ({ ...figure, cpu: `${digits(figure.cpu)} ms` })));
} finally {
  agent.destroy();
  await built.dispose();
  await rm(folder, { recursive: true });
}
