import { createHash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type QueryResult, type Gateway } from '../support/gateway.js';
import { exportId, exportRow, insertRows } from '../support/rows.js';
import {
  idsInOrder,
  orderedValue,
  orderOf,
  type Listed,
  type Order,
  type Row,
} from './expected-list.js';
import { post, refusalOf, type RawResponse } from './post.js';

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const byTime = orderOf('CREATED_AT', 'ASC');
const byCount = orderOf('COUNT_BATCHES', 'ASC');

const rows: readonly Row[] = [...Array(30).keys()].map((index) =>
  exportRow(index, {
    countBatches: (index % 5) - 2,
    createdAt: new Date(index * 1_000_003 - 9_000_000),
  }),
);

/** What a cursor of a list without filter is bound to, as export-cursor.ts has it. */
function checksum(position: Buffer, order: Order, organization = 'org_demo'): Buffer {
  const direction = order.isAscending ? 'asc' : 'desc';
  return createHash('sha256')
    .update(JSON.stringify([organization, null, [], '', order.column, direction]))
    .update('\0')
    .update(position)
    .digest()
    .subarray(0, 12);
}

/** A cursor with a right tag and whatever position. */
function forge(position: string | Buffer, order: Order, organization?: string): string {
  const bytes = Buffer.from(position);
  return Buffer.concat([checksum(bytes, order, organization), bytes]).toString('base64url');
}

describe.each(engines)('a bad cursor on $engine', ({ provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;
  let other: Gateway;
  /** A good one: of the chronological list, with 25 rows behind it. */
  let good: string;

  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
    other = await startGateway(database, {
      config: { auth: { kind: 'off', organization: 'org_other' } },
    });
    await insertRows(gateway.source, {
      exports: [
        ...rows,
        ...rows.map((row, index) => ({
          ...row,
          id: exportId(100 + index),
          organizationId: 'org_other',
        })),
      ],
    });
    good = await cursorOf('limit: 5');
  });

  afterAll(async () => {
    await other.close();
    await gateway.close();
    await database.dispose();
  });

  async function cursorOf(args: string, from = gateway): Promise<string> {
    const { data } = await from.query<Listed>(`{ exports(${args}) { pagination { endCursor } } }`);
    const { endCursor } = data.exports.pagination;
    if (endCursor === null) throw new Error('There is no cursor.');
    return endCursor;
  }

  /** The cursor as JSON, for it may be a text that JSON.stringify does not write as it should arrive. */
  function follow(cursor: string, args = ''): Promise<RawResponse> {
    const query = `query ($after: String) { exports(after: $after, limit: 100 ${args}) { data { id } } }`;
    return post(gateway, `{"query":${JSON.stringify(query)},"variables":{"after":${cursor}}}`);
  }

  function expectRefusal(answer: RawResponse): void {
    const errors = refusalOf(answer);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ path: ['exports'], extensions: { code: 'BAD_USER_INPUT' } });
    expect(errors[0]?.message).toMatch(/^after /);
  }

  async function expectRefused(cursors: readonly string[], args = ''): Promise<void> {
    for (const cursor of cursors) expectRefusal(await follow(JSON.stringify(cursor), args));
  }

  it('is nothing that a good one would be taken for', async () => {
    const answer = await follow(JSON.stringify(good));
    expect(JSON.parse(answer.text)).toEqual({
      data: {
        exports: {
          data: idsInOrder(rows, byTime)
            .slice(5)
            .map((id) => ({ id })),
        },
      },
    });
  });

  describe('that was altered', () => {
    it('in any one character is refused', async () => {
      const altered = Array.from(good).map((character, index) => {
        const instead = base64url.charAt((base64url.indexOf(character) + 1) % 64);
        return `${good.slice(0, index)}${instead}${good.slice(index + 1)}`;
      });
      expect(new Set([good, ...altered]).size).toBe(good.length + 1);
      await expectRefused(altered);
    });

    it('in its last character, whose bits may not all count, is refused', async () => {
      const last = good.slice(-1);
      await expectRefused(
        Array.from(base64url)
          .filter((each) => each !== last)
          .map((each) => good.slice(0, -1) + each),
      );
    });

    it('by cutting it anywhere is refused', async () => {
      await expectRefused(Array.from(good).map((_character, index) => good.slice(0, index)));
      await expectRefused([good.slice(1), good.slice(4)]);
    });

    it('by adding to it is refused', async () => {
      await expectRefused([
        `${good}A`,
        `${good}AA`,
        `${good}AAAA`,
        `${good}=`,
        `${good}==`,
        `${good} `,
        `${good}\n`,
        `${good}.`,
        `${good}%`,
        `${good}🎉`,
        ` ${good}`,
        `A${good}`,
        `\ufeff${good}`,
        good + good,
        `${good.slice(0, 9)}\n${good.slice(9)}`,
        `${good.slice(0, 9)}.${good.slice(9)}`,
        good.toLowerCase(),
        good.toUpperCase(),
        `"${good}"`,
        encodeURIComponent(`${good}=`),
      ]);
    });

    it('by spelling it in ordinary base64 is refused', async () => {
      // A tag with a character in which the two alphabets differ.
      const cursors = await Promise.all(
        [...Array(20).keys()].map((index) => cursorOf(`limit: ${index + 1}`)),
      );
      const ordinary = cursors
        .map((cursor) => cursor.replaceAll('-', '+').replaceAll('_', '/'))
        .filter((cursor) => !cursors.includes(cursor));
      expect(ordinary).not.toEqual([]);
      await expectRefused(ordinary);
    });
  });

  it.each([
    '""',
    '" "',
    '"A"',
    `"${'A'.repeat(16)}"`,
    `"${'A'.repeat(100_000)}"`,
    '"null"',
    '"0"',
    '"1"',
    '"__proto__"',
  ])('that never was one is refused', async (cursor) => {
    expectRefusal(await follow(cursor));
  });

  it.each([
    '\\u0000',
    '🎉',
    '\\ud800',
    '\\udc00',
    "' OR 1=1 -- ",
    '\\\\',
    '\\"',
    '; DROP TABLE exports',
    '../../x',
  ])('of what no cursor is made of is refused: %s', async (escaped) => {
    expectRefusal(await follow(`"${escaped}"`));
    expectRefusal(await follow(`"${good}${escaped}"`));
  });

  describe('of another list', () => {
    it.each([
      'orderBy: UPDATED_AT',
      'orderBy: COUNT_TOTAL',
      'direction: DESC',
      'orderBy: CREATED_AT, direction: DESC',
    ])('with another order is refused, both ways: %s', async (args) => {
      await expectRefused([good], `, ${args}`);
      await expectRefused([await cursorOf(`limit: 5, ${args}`)]);
    });

    it.each(['{ resource: CONTACT }', '{ statuses: [COMPLETED] }', '{ search: "e" }'])(
      'with another filter is refused, both ways: %s',
      async (filter) => {
        await expectRefused([good], `, filter: ${filter}`);
        await expectRefused([await cursorOf(`limit: 5, filter: ${filter}`)]);
      },
    );

    it('with a filter of the same words in other places is refused', async () => {
      await expectRefused(
        [await cursorOf('limit: 5, filter: { search: "E" }')],
        ', filter: { search: "e" }',
      );
      await expectRefused(
        [await cursorOf('limit: 5, filter: { statuses: [COMPLETED, FAILED] }')],
        ', filter: { statuses: [COMPLETED] }',
      );
    });

    it('of another organization is refused', async () => {
      await expectRefused([await cursorOf('limit: 5', other)]);
    });

    it('of another organization leads, when forged, to nobody’s rows but one’s own', async () => {
      await expectRefused([
        forge(`${Number(rows[0]?.createdAt)}:${exportId(0)}`, byTime, 'org_other'),
      ]);
      const foreignPosition = forge(`${Number(rows[4]?.createdAt)}:${exportId(104)}`, byTime);
      const answer = await follow(JSON.stringify(foreignPosition));
      expect(JSON.parse(answer.text)).toEqual({
        data: {
          exports: {
            data: idsInOrder(rows, byTime)
              .slice(5)
              .map((id) => ({ id })),
          },
        },
      });
    });
  });

  describe('that was forged with a right tag', () => {
    it('would be taken for good if its position were', () => {
      const [position] = idsInOrder(rows, byTime).slice(4);
      const row = rows.find(({ id }) => id === position);
      expect(forge(`${Number(row?.createdAt)}:${row?.id}`, byTime)).toBe(good);
    });

    it.each([byTime, byCount])(
      'is refused where its position is nonsense ($orderBy)',
      async (order) => {
        const positions = [
          '',
          ':',
          '1',
          '1:',
          ':exp_1',
          'exp_1',
          'x:exp_1',
          '1.5:exp_1',
          '1e3:exp_1',
          '+1:exp_1',
          ' 1:exp_1',
          '1 :exp_1',
          '--1:exp_1',
          '0x10:exp_1',
          'NaN:exp_1',
          'Infinity:exp_1',
          '1n:exp_1',
          '1_0:exp_1',
          '١:exp_1',
          '99999999999999999999:exp_1',
          `${'9'.repeat(400)}:exp_1`,
          '-99999999999999999999:exp_1',
          `1:${'x'.repeat(27)}`,
          `1:${'x'.repeat(10_000)}`,
          '1: exp_1',
          '1:exp_1 ',
          '1:exp 1',
          '1:exp_1\n',
          '1\n:exp_1',
          '1:\0',
          '1:exp_1\0',
          '\x001:exp_1',
          '1:é',
          '1:🎉',
          "1:' OR 1=1 -- ",
          '1 OR 1=1:exp_1',
          "'1':exp_1",
          '(SELECT 1):exp_1',
          '2026-11-01:exp_1',
          '2026-11-01T00:00:00.000Z:exp_1',
          '{"value":1,"id":"exp_1"}',
          '[1,"exp_1"]',
          'null',
          '{',
        ];
        await expectRefused(
          [
            ...positions.map((position) => forge(position, order)),
            forge(Buffer.from([0xff, 0xfe, 0x3a, 0xc3, 0x28]), order),
            forge(Buffer.from('1:exp_\xe9', 'latin1'), order),
          ],
          `, orderBy: ${order.orderBy}`,
        );
      },
    );

    /** The ids behind a place, told without a database. */
    function behind(value: number, id: string, order: Order): { id: string }[] {
      const rest = rows.filter((row) => {
        const own = Number(orderedValue(row, order.column));
        return own > value || (own === value && row.id > id);
      });
      return idsInOrder(rest, order).map((each) => ({ id: each }));
    }

    it.each([
      { order: byTime, value: 0 },
      { order: byTime, value: 1 },
      { order: byTime, value: Number(rows[9]?.createdAt) },
      { order: byTime, value: 9_999_999_999_999 },
      { order: byTime, value: -9_999_999_999_999 },
      { order: byCount, value: 0 },
      { order: byCount, value: -2 },
      { order: byCount, value: 2 },
      { order: byCount, value: 2_147_483_648 },
      { order: byCount, value: -2_147_483_649 },
      { order: byCount, value: 9_999_999_999_999 },
      { order: byCount, value: -9_999_999_999_999 },
    ])(
      'is a place like any other where its position has the form of one: $value',
      async ({ order, value }) => {
        const ids = [
          exportId(12),
          '!',
          '~'.repeat(26),
          "'OR(1=1)--",
          "');--",
          '\\',
          "\\'",
          '"',
          '%',
          '?',
          '#',
          '/*',
          ':',
        ];
        for (const id of ids) {
          const cursor = forge(`${value}:${id}`, order);
          const answer = await follow(JSON.stringify(cursor), `, orderBy: ${order.orderBy}`);
          expect({ id, ...(JSON.parse(answer.text) as object) }).toEqual({
            id,
            data: { exports: { data: behind(value, id, order) } },
          });
          expect(answer.statements).toHaveLength(1);
        }
      },
    );

    it.each(['-0:exp_1', '0000000000000:exp_1', '-0000000000001:exp_1'])(
      'is refused or right where its number is oddly written: %s',
      async (position) => {
        const cursor = JSON.stringify(forge(position, byCount));
        const answer = await follow(cursor, `, orderBy: ${byCount.orderBy}`);
        if (answer.text.includes('"errors"')) expectRefusal(answer);
        else {
          expect(JSON.parse(answer.text)).toEqual({
            data: { exports: { data: behind(Number.parseInt(position, 10), 'exp_1', byCount) } },
          });
        }
      },
    );

    it.each([
      253_402_300_799_999, // the last millisecond of 9999
      253_402_300_800_000,
      999_999_999_999_999,
      8_640_000_000_000_000, // the last one of JavaScript
      8_640_000_000_000_001,
      Number.MAX_SAFE_INTEGER,
      -62_135_596_800_000, // the first one of the year 1
      -62_167_219_200_001,
      -999_999_999_999_999,
      -8_640_000_000_000_001,
    ])('is refused or right where its time is far out: %d', async (value) => {
      const answer = await follow(JSON.stringify(forge(`${value}:exp_1`, byTime)));
      if (answer.text.includes('"errors"')) expectRefusal(answer);
      else {
        expect(JSON.parse(answer.text)).toEqual({
          data: { exports: { data: behind(value, 'exp_1', byTime) } },
        });
      }
    });
  });
});

describe.each(engines)('a good cursor on $engine', ({ provide }) => {
  it.each(['ASC', 'DESC'])(
    'is one for any time and count that the columns hold (%s)',
    async (direction) => {
      const database = await provide();
      const gateway = await startGateway(database);
      try {
        const extremes = [
          exportRow(0, {
            createdAt: new Date('1000-01-01T00:00:00.000Z'),
            countTotal: -2_147_483_648,
          }),
          exportRow(1, { createdAt: new Date('1969-12-31T23:59:59.999Z'), countTotal: -1 }),
          exportRow(2, { createdAt: new Date('1970-01-01T00:00:00.000Z'), countTotal: 0 }),
          exportRow(3, { createdAt: new Date('2286-11-20T17:46:40.000Z'), countTotal: 1 }),
          exportRow(4, {
            createdAt: new Date('9999-12-31T23:59:59.999Z'),
            countTotal: 2_147_483_647,
          }),
        ];
        await insertRows(gateway.source, { exports: extremes });
        for (const orderBy of ['CREATED_AT', 'COUNT_TOTAL']) {
          const seen: string[] = [];
          let after: string | null = null;
          do {
            const answer: QueryResult<Listed> = await gateway.query<Listed>(
              `query ($after: String) {
               exports(after: $after, limit: 1, orderBy: ${orderBy}, direction: ${direction}) {
                 data { id } pagination { endCursor } } }`,
              { after },
            );
            expect(answer.errors).toBeUndefined();
            seen.push(...answer.data.exports.data.map(({ id }) => id));
            after = answer.data.exports.pagination.endCursor;
          } while (after !== null);
          expect(seen).toEqual(idsInOrder(extremes, orderOf(orderBy, direction)));
        }
      } finally {
        await gateway.close();
        await database.dispose();
      }
    },
  );
});
