import { describe, expect, it } from '@jest/globals';

import { engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportRows } from '../support/rows.js';
import { idsInOrder, orders } from './lists.js';

const ROWS = 23;
/** Most rows tie. */
const rows = exportRows(ROWS, (index) => ({
  countBatches: (index * 5) % 4,
  countTotal: index % 3,
  updatedAt: new Date(Date.UTC(2026, 10, 1) + ((index * 13) % 3) * 1_000),
}));

interface Edge {
  readonly node: { readonly id: string };
  readonly cursor: string;
}
interface Page {
  readonly exports: {
    readonly data: readonly { readonly id: string }[];
    readonly edges: readonly Edge[];
    readonly pagination: object;
    readonly pageInfo: { readonly startCursor: string | null; readonly endCursor: string | null };
  };
}
const selection = `{ data { id } edges { node { id } cursor } pagination { page limit hasMore endCursor }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`;

describe.each(engines)('paging on $engine', (engine) => {
  const gateway = useGateway(engine, { exports: rows });

  async function read(args: string, cursor = '') {
    const document = `{ exports(${args.replace('CURSOR', JSON.stringify(cursor))}) ${selection} }`;
    const { data, errors } = await gateway.query<Page>(document);
    expect(errors).toBeUndefined();
    const { exports: page } = data;
    expect(page.edges.map(({ node }) => node)).toEqual(page.data);
    return { ...page, ids: page.data.map(({ id }) => id) };
  }

  it.each(orders)('reads on from both sides of a cursor: $args', async (order) => {
    const expected = idsInOrder(rows, order);
    const { edges } = await read(`${order.args}, limit: 100`);
    expect(edges.map(({ node }) => node.id)).toEqual(expected);
    for (const index of [0, 1, 4, 9, 14, ROWS - 2, ROWS - 1]) {
      const { cursor = '' } = edges[index] ?? {};
      const after = await read(`${order.args}, first: 4, after: CURSOR`, cursor);
      const before = await read(`${order.args}, last: 4, before: CURSOR`, cursor);
      expect(after.ids).toEqual(expected.slice(index + 1, index + 5));
      expect(before.ids).toEqual(expected.slice(Math.max(0, index - 4), index));
    }
  });

  /** `from` and `until` are places in the list; a cursor is that of the row at its place. */
  it.each([
    { args: 'page: 2, limit: 5', from: 5, until: 10, previous: true, next: true },
    { args: 'first: 5', from: 0, until: 5, previous: false, next: true },
    { args: 'first: 5, limit: 7, page: 2', from: 5, until: 10, previous: true, next: true },
    { args: 'first: 100', from: 0, until: ROWS, previous: false, next: false },
    { args: 'after: CURSOR, page: 9', at: 2, from: 3, until: 13, previous: true, next: true },
    {
      args: 'after: CURSOR',
      at: ROWS - 4,
      from: ROWS - 3,
      until: ROWS,
      previous: true,
      next: false,
    },
    { args: 'after: CURSOR', at: ROWS - 1, from: 0, until: 0, previous: true, next: false },
    { args: 'last: 5', from: ROWS - 5, until: ROWS, previous: true, next: false },
    {
      args: 'last: 5, page: 3, limit: 2',
      from: ROWS - 5,
      until: ROWS,
      previous: true,
      next: false,
    },
    { args: 'last: 100', from: 0, until: ROWS, previous: false, next: false },
    { args: 'last: 3, before: CURSOR', at: 8, from: 5, until: 8, previous: true, next: true },
    { args: 'last: 8, before: CURSOR', at: 8, from: 0, until: 8, previous: false, next: true },
    {
      args: 'limit: 4, page: 2, before: CURSOR',
      at: 9,
      from: 5,
      until: 9,
      previous: true,
      next: true,
    },
    { args: 'before: CURSOR', at: 0, from: 0, until: 0, previous: false, next: true },
    // What clients send for the arguments that they do not use.
    {
      args: 'first: 5, last: null, after: "", before: ""',
      from: 0,
      until: 5,
      previous: false,
      next: true,
    },
    {
      args: 'first: null, after: null, last: 5, before: ""',
      from: ROWS - 5,
      until: ROWS,
      previous: true,
      next: false,
    },
  ])('reads from $from to $until by $args', async ({ args, at, from, until, previous, next }) => {
    const { edges } = await read('limit: 100');
    const cursor = at === undefined ? undefined : edges[at]?.cursor;
    const page = await read(args, cursor);
    expect(page.edges).toEqual(edges.slice(from, until));
    // An empty page keeps the place of its client.
    const [start, end] = [edges.slice(from, until).at(0), edges.slice(from, until).at(-1)];
    expect(page.pageInfo).toEqual({
      hasPreviousPage: previous,
      hasNextPage: next,
      startCursor: start?.cursor ?? (args.includes('before: CURSOR') ? cursor : null),
      endCursor: end?.cursor ?? (args.includes('after: CURSOR') ? cursor : null),
    });
    const { hasNextPage: hasMore, endCursor } = { hasNextPage: next, ...page.pageInfo };
    expect(page.pagination).toMatchObject({ hasMore, endCursor });
  });

  it.each(orders)(
    'reads backwards as the other direction reads forwards: $args',
    async ({ args }) => {
      const opposite = args.endsWith('DESC')
        ? args.replace('DESC', 'ASC')
        : args.replace('ASC', 'DESC');
      const backward = await gateway.query(`{ exports(${args}, last: 4) { data { id } } }`);
      const forward = await gateway.query(`{ exports(${opposite}, first: 4) { data { id } } }`);
      expect(backward.statements).toEqual(forward.statements);
    },
  );

  it('by edges alone reads what they select, and counts nothing', async () => {
    const { data, errors, statements } = await gateway.query(
      '{ exports(last: 1) { edges { node { name startedAt files { kind } } } pageInfo { hasPreviousPage } } }',
    );
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      exports: { edges: [{ node: { name: `Export ${ROWS - 1}`, files: { length: 4 } } }] },
    });
    expect(statements).toHaveLength(2);
  });
});
