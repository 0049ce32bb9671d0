import 'reflect-metadata';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';

import { alwaysValid, type Viewer } from '../../src/auth/viewer.js';
import type { QueryOrigin } from '../../src/database/database.js';
import { ServiceUnavailableError, UnauthenticatedError } from '../../src/errors.js';
import type { ExportRepository } from '../../src/exports/export-repository.js';
import { ExportResolver } from '../../src/exports/export-resolver.js';
import { ExportResource, ExportStatus, type ExportRow } from '../../src/exports/export.js';
import type { LiveExports, PendingExports } from '../../src/exports/live-exports.js';
import { createContext, type StreamRequest } from '../../src/graphql/context.js';
import type { ResultStream } from '../../src/graphql/result-stream.js';
import { createSchema } from '../../src/graphql/schema.js';
import { createGraphqlServer } from '../../src/graphql/server.js';
import type { SubscriptionOptions } from '../../src/graphql/subscription-execution.js';
import { Subscriptions } from '../../src/graphql/subscriptions.js';

/** A source whose states the test adds; a new one of an export replaces the old one. */
class Source implements PendingExports {
  isClosed = false;
  readonly #states = new Map<string | null, ExportRow | null>();
  #isComplete = false;
  #wake = () => {};

  add(state: ExportRow | null): void {
    this.#states.set(state?.id ?? null, state);
    this.#wake();
  }

  complete(): void {
    this.#isComplete = true;
    this.#wake();
  }

  async ready(): Promise<boolean> {
    while (this.#states.size === 0 && !this.#isComplete && !this.isClosed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#states.size > 0 && !this.isClosed;
  }

  take(): ExportRow | null | undefined {
    const [id] = this.#states.keys();
    const state = this.#states.get(id ?? null);
    this.#states.delete(id ?? null);
    return state;
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator]() {
    while (await this.ready()) yield this.take() ?? null;
  }
}

const row = (changes: Partial<ExportRow> = {}): ExportRow => ({
  ...{
    id: 'exp_1',
    name: 'Contacts',
    resource: ExportResource.CONTACT,
    status: ExportStatus.PROCESSING,
  },
  ...{ countBatches: 1, countTotal: 10, expiresAt: null },
  ...{ createdAt: '2026-01-01 00:00:00.000', updatedAt: '2026-01-01 00:00:00.000' },
  ...changes,
});

const viewer: Viewer = {
  ...{
    id: 'key_1',
    organization: 'org_a',
    onlyRequestedBy: null,
    requester: null,
    canReadFiles: true,
  },
  ...alwaysValid,
};

let sources: Source[] = [];
let subscriptions: Subscriptions;
let executions = 0;
let events = 0;
const ends: unknown[] = [];
let overloads = 0;
let outages = 0;
let failure: Error | null = null;
/** What each event waits for. */
let executing: Promise<void> | null = null;
/** What the first read of a subscription waits for. */
let reading: Promise<void> | null = null;
beforeEach(() => {
  events = ends.length = outages = 0;
  [sources, executions, overloads, failure, reading, executing] = [[], 0, 0, null, null, null];
  subscriptions = new Subscriptions({ max: 4, maxOfOrganization: 2 });
});

const files = new Map([
  ['exp_1', [{ exportId: 'exp_1', kind: 'csv', objectKey: 'a.csv', fileName: 'a.csv' }]],
]);
const resolver = new ExportResolver({
  findByIds: async () => new Map(),
  // As a replica that lags.
  async findFiles({ fromPrimary }: QueryOrigin) {
    if (outages-- > 0) throw new ServiceUnavailableError({});
    return fromPrimary === true ? files : new Map();
  },
} as unknown as ExportRepository);
const schema = await createSchema(resolver);

function createGateway({ costPerSecond = null as number | null } = {}) {
  const follow = () => {
    const source = new Source();
    sources.push(source);
    return source;
  };
  const followOne = async ({ fromPrimary }: QueryOrigin) => {
    if (failure !== null) throw failure;
    expect(fromPrimary).toBe(true);
    await reading;
    return follow();
  };
  const live = { followOne, followList: follow } as unknown as LiveExports;
  const signer = {
    sign: ({ objectKey }: { objectKey: string }) => ({
      url: `http://f/${objectKey}`,
      expiresAt: new Date(),
    }),
  };
  const access = { signer, previews: { read: async () => null } };
  const options: SubscriptionOptions = {
    subscriptions,
    async schedule(_organization, work) {
      if (overloads-- > 0) return undefined;
      await executing;
      executions++;
      return work();
    },
    createEventContext: (each, requestId) =>
      createContext(each, { requestId, onOperationResult() {}, stream: null }, { access, live }),
    observer: {
      eventSent: () => events++,
      subscriptionEnded: ({ operationResult: { code } }) => ends.push(code),
    },
  };
  const rejections: string[] = [];
  const { apollo } = createGraphqlServer(schema, {
    introspection: true,
    costPerSecond,
    logger: pino({ level: 'silent' }),
    onRejected: (reason) => rejections.push(reason),
    subscriptions: options,
  });
  return {
    rejections,
    /** The stream of a subscription, or the response that the client gets instead. */
    async subscribe(
      query: string,
      {
        variables = {},
        as = viewer,
        canStream = true,
      }: { variables?: object; as?: Viewer; canStream?: boolean } = {},
    ) {
      let results: ResultStream | undefined;
      const stream: StreamRequest = { transport: 'sse', onStream: (each) => (results = each) };
      const request = { requestId: 'r', onOperationResult() {}, stream: canStream ? stream : null };
      const contextValue = createContext(as, request, { access, live });
      const { body, http } = await apollo.executeOperation(
        { query, variables: { ...variables } },
        { contextValue },
      );
      const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
      const [source] = sources.slice(-1);
      return {
        results: results as ResultStream,
        source: source as Source,
        errors,
        status: http.status,
      };
    },
  };
}

const one = 'subscription ($id: ID = "exp_1") { exportUpdated(id: $id) { id status } }';
const list = 'subscription { exportsUpdated { id name csvUrl files { state } } }';

describe('a subscription', () => {
  it('emits a result for each state until it completes', async () => {
    const { results, source } = await createGateway().subscribe(one);
    source.add(row());
    expect((await results.next()).value).toEqual({
      data: { exportUpdated: { id: 'exp_1', status: 'PROCESSING' } },
    });
    const waiting = results.next();
    source.add(row({ status: ExportStatus.COMPLETED }));
    expect((await waiting).value?.data).toEqual({
      exportUpdated: { id: 'exp_1', status: 'COMPLETED' },
    });
    source.complete();
    expect(await results.next()).toEqual({ done: true, value: undefined });
    expect([events, ends]).toEqual([2, [null]]);
    expect(subscriptions.counts.get('sse')).toBe(0);
  });

  it('emits one null for an unknown id', async () => {
    const { results, source } = await createGateway().subscribe(one);
    source.add(null);
    expect((await results.next()).value).toEqual({ data: { exportUpdated: null } });
  });

  it('discloses links where the flags request them', async () => {
    const query = list.replace('exportsUpdated', 'exportsUpdated(includeCsv: true)');
    const { results, source } = await createGateway().subscribe(query);
    source.add(row());
    const { value } = await results.next();
    expect(value?.data).toMatchObject({ exportsUpdated: { csvUrl: 'http://f/a.csv' } });
    expect(results.disclosed).toMatchObject({
      links: [{ exportId: 'exp_1', kind: 'csv' }],
      previews: [],
    });
  });

  it('fails the field of a link alone for a viewer without the right to files', async () => {
    const query = 'subscription { exportsUpdated(includeCsv: true) { id csvUrl } }';
    const as = { ...viewer, canReadFiles: false };
    const { results, source } = await createGateway().subscribe(query, { as });
    source.add(row());
    const { value } = await results.next();
    expect(value?.data).toEqual({ exportsUpdated: { id: 'exp_1', csvUrl: null } });
    expect(value?.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  it('unsubscribes while it waits', async () => {
    const { results, source } = await createGateway().subscribe(one);
    const waiting = results.next();
    await results.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect([source.isClosed, subscriptions.counts.get('sse'), ends]).toEqual([
      true,
      0,
      ['ABORTED'],
    ]);
  });

  it('shares an execution among subscribers with the same operation, variables, rights and scope', async () => {
    subscriptions = new Subscriptions({ max: 5, maxOfOrganization: 5 });
    const gateway = createGateway();
    const opened = [
      await gateway.subscribe(one),
      // The operation has no such variable.
      await gateway.subscribe(one, { variables: { other: 'a' } }),
      await gateway.subscribe(one, { variables: { id: 'exp_1' } }),
      await gateway.subscribe(one, { as: { ...viewer, canReadFiles: false } }),
      await gateway.subscribe(one, { as: { ...viewer, onlyRequestedBy: 'ann' } }),
    ];
    const state = row();
    for (const { source } of opened) source.add(state);
    const [first, second] = await Promise.all(opened.map(({ results }) => results.next()));
    expect(first?.value).toBe(second?.value);
    expect(executions).toBe(4);
  });

  it('tries again after an overload', async () => {
    jest.useFakeTimers();
    try {
      const { results, source } = await createGateway().subscribe(one);
      overloads = 1;
      source.add(row());
      const waiting = results.next();
      await jest.advanceTimersByTimeAsync(1_000);
      expect((await waiting).value?.data).toEqual({
        exportUpdated: { id: 'exp_1', status: 'PROCESSING' },
      });
      expect(executions).toBe(1);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('an event whose files cannot be read', () => {
  async function emitDuring(attempts: number) {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    outages = attempts;
    const query = list.replace('exportsUpdated', 'exportsUpdated(includeCsv: true)');
    const { results, source } = await createGateway().subscribe(query);
    source.add(row());
    const waiting = results.next();
    for (let second = 0; second < 20; second++) {
      await new Promise(setImmediate);
      await jest.advanceTimersByTimeAsync(1_000);
    }
    return (await waiting).value;
  }
  afterEach(() => {
    jest.useRealTimers();
  });

  it('waits for the end of the outage', async () => {
    const result = await emitDuring(3);
    expect(result).toMatchObject({ data: { exportsUpdated: { csvUrl: 'http://f/a.csv' } } });
    expect([result?.errors, executions]).toEqual([undefined, 4]);
  });

  it('is emitted with the error when that lasts', async () => {
    const result = await emitDuring(Infinity);
    expect(result?.errors?.[0]?.extensions).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(executions).toBe(11);
  });
});

describe('a subscription that cannot begin', () => {
  it.each<[code: string, status: number, query: string, prevent?: { canStream: false } | Error]>([
    ['BAD_REQUEST', 400, one, { canStream: false }],
    ['GRAPHQL_VALIDATION_FAILED', 400, 'subscription { exportUpdated { name } }'],
    ['GRAPHQL_VALIDATION_FAILED', 400, 'subscription { exportsUpdated @skip(if: true) { id } }'],
    ...[
      'exportsUpdated @skip(if: $if) { id }',
      '... @include(if: $if) { exportsUpdated { id } }',
      '... { ...Root } } fragment Root on Subscription { exportsUpdated @skip(if: $if) { id }',
    ].map((selection): [string, number, string] => [
      'GRAPHQL_VALIDATION_FAILED',
      400,
      `subscription ($if: Boolean = false) { ${selection} }`,
    ]),
    [
      'BAD_USER_INPUT',
      400,
      'subscription { exportsUpdated(filter: { search: "\\u0000" }) { id } }',
    ],
    ['SERVICE_UNAVAILABLE', 503, one, new ServiceUnavailableError({})],
    ['INTERNAL_SERVER_ERROR', 500, one, new Error('a defect')],
  ])('has the error %s with status %i: %s', async (...[code, status, query, prevent]) => {
    if (prevent instanceof Error) failure = prevent;
    const options = prevent instanceof Error ? {} : prevent;
    const response = await createGateway().subscribe(query, options);
    const errors = [{ extensions: { code } }];
    expect(response).toMatchObject({ results: undefined, status, errors });
    expect(subscriptions.counts.get('sse')).toBe(0);
  });

  it('comes while the gateway closes', async () => {
    subscriptions.endAll();
    const { status, errors } = await createGateway().subscribe(one);
    expect([status, errors?.[0]?.message]).toEqual([503, expect.stringMatching(/is closing/)]);
  });

  it('reads its first state while the gateway closes, or while others take the last room', async () => {
    const gateway = createGateway();
    let read = () => {};
    reading = new Promise((resolve) => (read = resolve));
    const several = [1, 2, 3].map(() => gateway.subscribe(one));
    await new Promise(setImmediate);
    read();
    const refused = (await Promise.all(several)).filter(({ errors }) => errors !== undefined);
    expect(refused).toMatchObject([{ status: 503 }]);
    expect(sources.filter(({ isClosed }) => isClosed)).toHaveLength(1);

    reading = new Promise((resolve) => (read = resolve));
    const late = gateway.subscribe(one, { as: { ...viewer, organization: 'org_b' } });
    await new Promise(setImmediate);
    subscriptions.endAll();
    read();
    expect((await late).errors?.[0]?.message).toMatch(/is closing/);
    expect(subscriptions.counts.get('sse')).toBe(0);
  });

  it('is one over the limits of the gateway and of the organization', async () => {
    const gateway = createGateway();
    const asB = { ...viewer, organization: 'org_b' };
    for (const as of [viewer, viewer, asB]) await gateway.subscribe(one, { as });
    const { errors, status } = await gateway.subscribe(one);
    expect([status, errors?.[0]?.message]).toEqual([
      503,
      expect.stringMatching(/^This gateway serves 2 subscriptions of an organization at most/),
    ]);
    const last = await gateway.subscribe(one, { as: asB });
    const third = await gateway.subscribe(one, { as: { ...viewer, organization: 'org_c' } });
    expect(third.errors?.[0]?.message).toMatch(/^This gateway serves 4 subscriptions at most/);
    expect(gateway.rejections).toEqual(['subscriptions', 'subscriptions']);
    await last.results.return();
    expect((await gateway.subscribe(one, { as: asB })).errors).toBeUndefined();
  });
});

describe('a budget of cost', () => {
  it('delays an event, which a newer state replaces meanwhile', async () => {
    // Files are read in batches of one turn of the event loop.
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    try {
      // The budget is what the dearest query costs, 15,000, and three such events cost more.
      const kinds = Array.from({ length: 1_300 }, (_, index) => `k${index}: kind`).join(' ');
      const query = `subscription { exportsUpdated { id status files { ${kinds} } } }`;
      const { results, source } = await createGateway({ costPerSecond: 1_000 }).subscribe(query);
      for (const id of ['exp_1', 'exp_2']) {
        source.add(row({ id }));
        await results.next();
      }
      source.add(row({ id: 'exp_3' }));
      const waiting = results.next();
      await jest.advanceTimersByTimeAsync(10);
      source.add(row({ id: 'exp_3', status: ExportStatus.COMPLETED }));
      await jest.advanceTimersByTimeAsync(10_000);
      expect((await waiting).value?.data).toMatchObject({
        exportsUpdated: { id: 'exp_3', status: 'COMPLETED' },
      });
      expect(executions).toBe(3);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a stream ends', () => {
  async function openStream(as: Partial<Viewer> = {}) {
    jest.useFakeTimers();
    const { results } = await createGateway().subscribe(one, { as: { ...viewer, ...as } });
    const ended = results.next().catch((error: unknown) => error);
    return { ended, wait: (ms: number) => jest.advanceTimersByTimeAsync(ms) };
  }
  const unauthenticated = { extensions: { code: 'UNAUTHENTICATED' } };
  const revoked = async () => {
    throw new UnauthenticatedError('key_revoked', 'revoked');
  };

  it('with SERVICE_UNAVAILABLE when the gateway closes', async () => {
    const { ended } = await openStream();
    subscriptions.endAll();
    expect(await ended).toMatchObject({ extensions: { code: 'SERVICE_UNAVAILABLE' } });
  });

  it('without waiting for an event that is being executed', async () => {
    executing = new Promise(() => {});
    const { results, source } = await createGateway().subscribe(one);
    source.add(row());
    const ended = results.next().catch((error: unknown) => error);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    subscriptions.endAll();
    expect(await ended).toMatchObject({ extensions: { code: 'SERVICE_UNAVAILABLE' } });
  });

  it('with UNAUTHENTICATED when the token expires', async () => {
    const { ended, wait } = await openStream({
      expiresAt: Date.now() + 5_000,
      revalidate: revoked,
    });
    await wait(6_000);
    expect(await ended).toMatchObject(unauthenticated);
    expect(subscriptions.counts.get('sse')).toBe(0);
  });

  it('with UNAUTHENTICATED when the key is revoked', async () => {
    const { ended, wait } = await openStream({ revalidate: revoked });
    await wait(11_000);
    expect(await ended).toMatchObject(unauthenticated);
  });

  it('not while the keys cannot be read', async () => {
    const revalidate = async () => {
      throw new ServiceUnavailableError({});
    };
    const { wait } = await openStream({ revalidate });
    await wait(30_000);
    expect(subscriptions.counts.get('sse')).toBe(1);
  });

  afterEach(() => {
    subscriptions.endAll();
    jest.useRealTimers();
  });
});
