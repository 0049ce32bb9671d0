import { expect, it } from '@jest/globals';
import { parse, type OperationDefinitionNode } from 'graphql';

import type { Viewer } from '../../src/auth/viewer.js';
import { alwaysValid } from '../../src/auth/viewer.js';
import { ExportFileKind } from '../../src/exports/export-file.js';
import { RequestLinks } from '../../src/exports/request-links.js';
import { RequestQueries } from '../../src/exports/request-queries.js';
import type { Context } from '../../src/graphql/context.js';
import type { RawResult } from '../../src/graphql/graphql-response.js';
import { SharedExecutions } from '../../src/graphql/shared-executions.js';
import { fileRow } from '../support/rows.js';

const viewer: Viewer = {
  id: 'a',
  organization: 'org_a',
  onlyRequestedBy: null,
  requester: 'ann',
  canReadFiles: true,
  ...alwaysValid,
};
const file = fileRow(0, ExportFileKind.CSV);
const operationOf = (text: string) => parse(text).definitions[0] as OperationDefinitionNode;
const operation = operationOf('query ($id: ID, $other: ID) { a(id: $id, other: $other) }');

function setUp() {
  const shared = new SharedExecutions();
  /** The executions that have begun, in order. */
  const begun: { readonly end: (result: RawResult) => void; readonly context: Context }[] = [];

  function request({
    as = {},
    second = 0,
    variables = {},
    of = operation,
    startsAtOnce = false,
  }: {
    as?: Partial<Viewer>;
    second?: number;
    variables?: Record<string, unknown>;
    of?: OperationDefinitionNode;
    startsAtOnce?: boolean;
  } = {}) {
    const queries = new RequestQueries({ ...viewer, ...as });
    const links = new RequestLinks({} as never, queries);
    const now = new Date(second * 1_000);
    const context = { viewer: { ...viewer, ...as }, queries, links, now } as unknown as Context;
    const execute = () =>
      new Promise<RawResult>((end) => {
        begun.push({ end, context });
        if (startsAtOnce) queries.onStarting();
      });
    return { context, executed: shared.run(of, { context, variables, execute }) };
  }
  return { begun, request };
}

it('executes equal requests once, and each discloses what the response does', async () => {
  const { begun, request } = setUp();
  const requests = [request(), request(), request({ as: { id: 'another key' } })];
  expect(begun).toHaveLength(1);
  begun[0]?.context.links.disclosed.links.push(file);
  begun[0]?.context.links.disclosed.previews.push(file);
  begun[0]?.end({ data: { a: 'é' } });
  for (const { context, executed } of requests) {
    expect((await executed).body?.toString()).toBe('{"data":{"a":"é"}}\n');
    expect(context.links.disclosed).toEqual({ links: [file], previews: [file] });
  }
});

it.each<[string, Parameters<ReturnType<typeof setUp>['request']>[0]]>([
  ['another organization', { as: { organization: 'org_b' } }],
  ['the exports of one requester', { as: { onlyRequestedBy: 'ann' } }],
  ['another requester', { as: { requester: 'bob' } }],
  ['no right to files', { as: { canReadFiles: false } }],
  ['a later second', { second: 1 }],
  ['other variables', { variables: { id: 1 } }],
  ['a variable that is null', { variables: { id: null } }],
  ['another operation', { of: operationOf('{ a }') }],
])('executes a request with %s on its own', (_, other) => {
  const { begun, request } = setUp();
  request();
  request(other);
  expect(begun).toHaveLength(2);
});

it('tells variables apart whose texts follow each other alike', () => {
  const { begun, request } = setUp();
  request({ variables: { id: 1, other: '77' } });
  request({ variables: { id: '2', other: 77 } });
  request({ variables: { id: '1', other: '77' } });
  expect(begun).toHaveLength(3);
});

it('tells variables apart, and rights, that hold what stands between two of them', () => {
  const { begun, request } = setUp();
  request({ variables: { id: 'a "b', other: 'c' } });
  request({ variables: { id: 'a', other: 'b "c' } });
  request({ as: { organization: 'a "b', onlyRequestedBy: 'c' } });
  request({ as: { organization: 'a', onlyRequestedBy: 'b "c' } });
  expect(begun).toHaveLength(4);
});

it('ignores variables that the operation does not declare', () => {
  const { begun, request } = setUp();
  request({ variables: { id: 1, unknown: 1 } });
  request({ variables: { id: 1, unknown: 2 } });
  expect(begun).toHaveLength(1);
});

it('executes a request again that arrives after a query has started', async () => {
  const { begun, request } = setUp();
  const first = request();
  begun[0]?.context.queries.onStarting();
  const second = request();
  const third = request();
  expect(begun).toHaveLength(2);
  begun[1]?.end({ data: { a: 2 } });
  begun[0]?.end({ data: { a: 1 } });
  const bodies = await Promise.all([first, second, third].map(({ executed }) => executed));
  expect(bodies.map(({ result }) => result.data?.['a'])).toEqual([1, 2, 2]);
});

it('executes a request again when its first query started at once', () => {
  const { begun, request } = setUp();
  request({ startsAtOnce: true });
  request();
  expect(begun).toHaveLength(2);
});

it('executes a request again when all clients of the execution have left', () => {
  const { begun, request } = setUp();
  request().context.queries.abandon();
  request();
  request();
  expect(begun).toHaveLength(2);
});

it('executes a request again that arrives after the end', async () => {
  const { begun, request } = setUp();
  const first = request();
  begun[0]?.end({ data: {} });
  await first.executed;
  request();
  expect(begun).toHaveLength(2);
});

it('keeps the queries of an execution while a client waits for it', async () => {
  const { begun, request } = setUp();
  const [first, second] = [request(), request()];
  first.context.queries.abandon();
  expect(begun[0]?.context.queries.isAbandoned).toBe(false);
  const third = request();
  expect(begun).toHaveLength(1);
  second.context.queries.abandon();
  expect(begun[0]?.context.queries.isAbandoned).toBe(false);
  third.context.queries.abandon();
  expect(begun[0]?.context.queries.isAbandoned).toBe(true);
});

it('shares a result with errors, which has no body', async () => {
  const { begun, request } = setUp();
  const requests = [request(), request()];
  const result = { data: { a: null }, errors: [new Error('unavailable')] };
  begun[0]?.end(result);
  for (const { executed } of requests) expect(await executed).toEqual({ result, body: null });
  expect(begun).toHaveLength(1);
});
