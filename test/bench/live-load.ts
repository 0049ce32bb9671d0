import { setTimeout as sleep } from 'node:timers/promises';

import { SignJWT } from 'jose';
import { createPool } from 'mysql2/promise';

import { TOKEN_SECRET } from '../support/fairness.js';
import { exportId } from './data.js';
import { LeanClient, type Protocol } from './lean-client.js';
import { createRequest, type GraphqlRequest } from './workloads.js';

/**
 * What the clients do: follow one export each, but every tenth a list; follow the list of their
 * organization; or poll one export each, of the only organization that LIMIT knows.
 */
export type Mix = 'mixed' | 'lists' | 'polling';

export interface ConnectCommand {
  readonly connect: { readonly origin: string; readonly mix: Mix; readonly clients: number };
}
export interface ChangeCommand {
  readonly change: { readonly seconds: number };
}
export interface CloseCommand {
  readonly close: true;
}
export type LiveCommand = ConnectCommand | ChangeCommand | CloseCommand;

/** What the clients saw of the changes of one command. Times are in milliseconds. */
export interface Delivery {
  readonly changes: number;
  readonly expected: number;
  readonly received: number;
  /** Of the results that were expected. */
  readonly lost: number;
  /** Responses to polls per second. */
  readonly responses: number;
  readonly p50: number;
  readonly p99: number;
  /** Connections that the server closed meanwhile. */
  readonly errors: number;
  /** CPU time of the process of the clients, as a part of one core. */
  readonly cpu: number;
}

export const ORGANIZATIONS = 100;
/** Exports of an organization that change, and so the most clients of it. */
export const EXPORTS = 100;
const CHANGES_PER_SECOND = 200;
/** Fewer than a gateway that has just started takes without an overload. */
const CONNECTING_AT_ONCE = 50;
const GRACE_MS = 5_000;

const [databaseUrl = ''] = process.argv.slice(2);
const pool = createPool({ uri: databaseUrl, connectionLimit: 4 });
const clients = new Set<LeanClient>();
let mix: Mix = 'mixed';
let errors = 0;
let responses = 0;
/** Each change has a number, which it writes into `count_total`. */
let firstChange = 1;
let nextChange = 1;
let committedAt: number[] = [];
let received: number[] = [];
let latencies: number[] = [];

/** The id of the `n`-th export of an organization that changes. */
function idOf(organization: number, n: number): string {
  // The even rows belong to one organization, the odd ones to 499 in turn.
  if (mix === 'polling') return exportId(2 * (organization * EXPORTS + n));
  return exportId(2 * (organization + 499 * n) + 1);
}

function followsList(n: number): boolean {
  return mix === 'lists' || (mix === 'mixed' && n % 10 === 9);
}

function requestOf(organization: number, n: number): GraphqlRequest {
  if (followsList(n)) return createRequest('FollowList', {});
  const id = idOf(organization, n);
  return createRequest(mix === 'polling' ? 'Export' : 'Follow', { id });
}

async function connect({ origin, ...given }: ConnectCommand['connect']): Promise<void> {
  mix = given.mix;
  const tokens = await Promise.all(Array.from({ length: ORGANIZATIONS }, (_, at) => tokenOf(at)));
  const protocols: readonly Protocol[] = mix === 'polling' ? ['polling'] : ['sse', 'websocket'];
  for (let from = clients.size; from < given.clients; from += CONNECTING_AT_ONCE) {
    const length = Math.min(CONNECTING_AT_ONCE, given.clients - from);
    const started = Array.from({ length }, async (_, index) => {
      const [organization, n] = [
        (from + index) % ORGANIZATIONS,
        Math.floor((from + index) / ORGANIZATIONS),
      ];
      const client = await LeanClient.start({
        origin,
        // Neighbours of one organization differ.
        protocol: protocols[n % protocols.length] ?? 'sse',
        token: tokens[organization] ?? '',
        request: requestOf(organization, n),
        onCount,
        onResponse: () => responses++,
        onClose: () => errors++,
      });
      clients.add(client);
    });
    await Promise.all(started);
  }
  if (mix !== 'polling') return;
  const polling = [...clients];
  // Spreads the polls over a second.
  while (polling.length > 0) {
    for (const client of polling.splice(0, given.clients / 100)) client.poll();
    await sleep(10);
  }
}

function onCount(count: number): void {
  const index = count - firstChange;
  const at = committedAt[index];
  if (at === undefined) return;
  received[index] = (received[index] ?? 0) + 1;
  // One poll sees a state again and again.
  if (mix !== 'polling' || received[index] === 1) latencies.push(performance.now() - at);
}

async function change({ seconds }: ChangeCommand['change']): Promise<Delivery> {
  [firstChange, committedAt, received, latencies] = [nextChange, [], [], []];
  [responses, errors] = [0, 0];
  const expected: number[] = [];
  const perOrganization = clients.size / ORGANIZATIONS;
  const lists = Array.from({ length: perOrganization }, (_, n) => followsList(n)).filter(Boolean);
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const writes: Promise<void>[] = [];
  while (writes.length < seconds * CHANGES_PER_SECOND) {
    const due = ((performance.now() - startedAt) / 1_000) * CHANGES_PER_SECOND;
    for (; writes.length < due; nextChange++) {
      // Steps through all exports in an order in which neighbours are of different organizations.
      const target = (nextChange * 7_919) % (ORGANIZATIONS * EXPORTS);
      const [organization, n] = [target % ORGANIZATIONS, Math.floor(target / ORGANIZATIONS)];
      const isFollowed = n < perOrganization && !followsList(n);
      expected.push(lists.length + Number(isFollowed));
      writes.push(write(idOf(organization, n), nextChange));
    }
    await sleep(5);
  }
  await Promise.all(writes);
  const elapsed = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  const answered = responses / (elapsed / 1_000);
  const missing = () =>
    expected.reduce((sum, each, index) => sum + Math.max(0, each - (received[index] ?? 0)), 0);
  for (const end = performance.now() + GRACE_MS; missing() > 0 && performance.now() < end;)
    await sleep(100);
  const sorted = latencies.toSorted((a, b) => a - b);
  const quantile = (part: number) => sorted[Math.ceil(sorted.length * part) - 1] ?? NaN;
  return {
    changes: writes.length,
    expected: expected.reduce((sum, each) => sum + each, 0),
    received: sorted.length,
    lost: missing(),
    responses: answered,
    p50: quantile(0.5),
    p99: quantile(0.99),
    errors,
    cpu: (user + system) / 1_000 / elapsed,
  };
}

async function write(id: string, count: number): Promise<void> {
  const index = count - firstChange;
  const sql = 'UPDATE exports SET count_total = ?, updated_at = UTC_TIMESTAMP(3) WHERE id = ?';
  // A client may see it before the response to the writer.
  committedAt[index] = performance.now();
  await pool.query(sql, [count, id]);
  committedAt[index] = performance.now();
}

function tokenOf(organization: number): Promise<string> {
  return new SignJWT({ org_id: `org_${organization}` })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1 h')
    .sign(new TextEncoder().encode(TOKEN_SECRET));
}

async function run(command: LiveCommand): Promise<Delivery | null> {
  if ('change' in command) return change(command.change);
  if ('connect' in command) await connect(command.connect);
  else {
    for (const client of clients) client.close();
    clients.clear();
  }
  return null;
}

/** Takes commands of its parent one by one, and responds to each with what it returns. */
process.on('message', (command: LiveCommand) => {
  void run(command).then((result) => process.send?.(result));
});
process.once('disconnect', () => process.exit());
