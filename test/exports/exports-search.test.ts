import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { engines, type EngineDatabase } from '../support/engines.js';
import { startGateway, type Gateway } from '../support/gateway.js';
import { exportRow, insertRows } from '../support/rows.js';

const names = [
  'Contacts of April',
  'CONTACTS OF MAY',
  '100% of all',
  '100 of all',
  'snake_case',
  'snakeXcase',
  'Really! Yes',
  'Really Yes',
  'C:\\exports\\new',
  'C:exportsnew',
  "O'Brien's list",
  'A "quoted" list',
  'Résumé',
  'RÉSUMÉ',
  'Resume',
  'Яблоко',
  'ЯБЛОКО',
  'Straße',
  'party 🎉',
  'party 🎊',
  'flag 🇩🇪',
  'flag 🇦🇹',
  '日本語の書き出し',
  '  spaced  out  ',
  "') OR 1=1 -- ",
  "\\' OR 1=1 -- ",
  '; DROP TABLE exports; --',
  '!%!_!!',
  'tab\there and line\nthere',
  'e',
] as const;

type Name = (typeof names)[number];

describe.each(engines)('the search of exports on $engine', ({ engine, provide }) => {
  let database: EngineDatabase;
  let gateway: Gateway;

  beforeAll(async () => {
    database = await provide();
    gateway = await startGateway(database);
    await insertRows(gateway.source, {
      exports: [
        ...names.map((name, index) => exportRow(index, { name })),
        ...names.map((name, index) =>
          exportRow(500 + index, { name, organizationId: 'org_other' }),
        ),
      ],
    });
  });

  afterAll(async () => {
    await gateway.close();
    await database.dispose();
  });

  /** The names found, oldest first, and their count, which must agree. */
  async function find(search: string): Promise<string[]> {
    const { data, errors } = await gateway.query<{
      exports: { data: { name: string }[]; pagination: { totalCount: number } };
    }>(
      `query ($search: String) {
         exports(filter: { search: $search }, limit: 100) { data { name } pagination { totalCount } }
       }`,
      { search },
    );
    expect(errors).toBeUndefined();
    expect(data.exports.pagination.totalCount).toBe(data.exports.data.length);
    return data.exports.data.map(({ name }) => name);
  }

  it('finds a part at the start, in the middle and at the end of a name', async () => {
    expect(await find('Contacts')).toContain('Contacts of April');
    expect(await find('acts of Ap')).toEqual(['Contacts of April']);
    expect(await find('April')).toEqual(['Contacts of April']);
    expect(await find('Contacts of April')).toEqual(['Contacts of April']);
    expect(await find('Contacts of April ')).toEqual([]);
  });

  it('takes a, b, c for A, B, C, and the other way round', async () => {
    const both = ['Contacts of April', 'CONTACTS OF MAY'];
    expect(await find('contacts')).toEqual(both);
    expect(await find('CONTACTS')).toEqual(both);
    expect(await find('cOnTaCtS oF')).toEqual(both);
  });

  it('filters nothing when it is empty', async () => {
    expect(await find('')).toEqual(names);
  });

  it.each<{ search: string; found: Name[] }>([
    { search: '%', found: ['100% of all', '!%!_!!'] },
    { search: '0%', found: ['100% of all'] },
    { search: '%%', found: [] },
    { search: '_', found: ['snake_case', '!%!_!!'] },
    { search: 'snake_case', found: ['snake_case'] },
    { search: '___', found: [] },
    { search: '!', found: ['Really! Yes', '!%!_!!'] },
    { search: '!!', found: ['!%!_!!'] },
    { search: '!%', found: ['!%!_!!'] },
    { search: '!_', found: ['!%!_!!'] },
    { search: '\\', found: ['C:\\exports\\new', "\\' OR 1=1 -- "] },
    { search: '\\\\', found: [] },
    { search: '\\n', found: ['C:\\exports\\new'] },
    { search: '\\%', found: [] },
    { search: "'", found: ["O'Brien's list", "') OR 1=1 -- ", "\\' OR 1=1 -- "] },
    { search: "''", found: [] },
    { search: '"', found: ['A "quoted" list'] },
    { search: '`', found: [] },
    { search: '?', found: [] },
    { search: '*', found: [] },
    { search: '[a-z]', found: [] },
    { search: "') OR 1=1 -- ", found: ["') OR 1=1 -- "] },
    { search: "\\' OR 1=1 -- ", found: ["\\' OR 1=1 -- "] },
    { search: '; DROP TABLE exports; --', found: ['; DROP TABLE exports; --'] },
    { search: '\t', found: ['tab\there and line\nthere'] },
    { search: 'line\nthere', found: ['tab\there and line\nthere'] },
  ])('takes $search for itself', async ({ search, found }) => {
    expect(await find(search)).toEqual(found);
  });

  it('keeps the spaces at both ends', async () => {
    expect(await find('  spaced')).toEqual(['  spaced  out  ']);
    expect(await find('out  ')).toEqual(['  spaced  out  ']);
    expect(await find('out   ')).toEqual([]);
    expect(await find('   ')).toEqual([]);
  });

  it('tells é from e, and every emoji, flag and script from every other', async () => {
    expect(await find('resume')).toEqual(['Resume']);
    expect(await find('Résumé')).toContain('Résumé');
    expect(await find('Résumé')).not.toContain('Resume');
    expect(await find('🎉')).toEqual(['party 🎉']);
    expect(await find('PARTY 🎊')).toEqual(['party 🎊']);
    expect(await find('🎈')).toEqual([]);
    expect(await find('🇩🇪')).toEqual(['flag 🇩🇪']);
    expect(await find('本語の')).toEqual(['日本語の書き出し']);
    expect(await find('strasse')).toEqual([]);
  });

  if (engine === 'MySQL') {
    it('takes letters beyond ASCII in either case, too', async () => {
      expect(await find('résumé')).toEqual(['Résumé', 'RÉSUMÉ']);
      expect(await find('RÉSUMÉ')).toEqual(['Résumé', 'RÉSUMÉ']);
      expect(await find('яблоко')).toEqual(['Яблоко', 'ЯБЛОКО']);
      expect(await find('ЯБЛ')).toEqual(['Яблоко', 'ЯБЛОКО']);
    });
  } else {
    it('finds letters beyond ASCII as they are written', async () => {
      expect(await find('Résumé')).toEqual(['Résumé']);
      expect(await find('RÉSUMÉ')).toEqual(['RÉSUMÉ']);
      expect(await find('Яблоко')).toEqual(['Яблоко']);
    });
  }

  it('finds a name of 200 characters by all of them, emoji counted as one each', async () => {
    const name = '🎁'.repeat(100) + 'x'.repeat(100);
    await insertRows(gateway.source, { exports: [exportRow(900, { name })] });
    expect(await find(name)).toEqual([name]);
    expect(await find(name.replace('🎁x', '🎁y'))).toEqual([]);
  });

  it('writes the text into no statement', async () => {
    const { statements } = await gateway.query(
      '{ exports(filter: { search: "needle" }) { data { id } pagination { totalCount } } }',
    );
    expect(statements).toHaveLength(2);
    for (const sql of statements) {
      expect(sql).not.toContain('needle');
      expect(sql).toContain('LIKE');
    }
  });
});
