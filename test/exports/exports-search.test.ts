import { describe, expect, it } from '@jest/globals';

import { engines } from '../support/engines.js';
import { useGateway } from '../support/gateway.js';
import { exportRow } from '../support/rows.js';

const LONG = '🎁'.repeat(100) + 'x'.repeat(100);
const names = [
  ...['Contacts of April', 'CONTACTS OF MAY', '100% of all', '100 of all', 'snake_case'],
  ...['snakeXcase', 'Really! Yes', 'Really Yes', 'C:\\exports\\new', 'C:exportsnew'],
  ...["O'Brien's list", 'A "quoted" list', 'Résumé', 'RÉSUMÉ', 'Resume', 'Яблоко', 'ЯБЛОКО'],
  ...['Straße', 'party 🎉', 'party 🎊', 'flag 🇩🇪', 'flag 🇦🇹', '日本語の書き出し'],
  ...['  spaced  out  ', "') OR 1=1 -- ", "\\' OR 1=1 -- ", '; DROP TABLE exports; --'],
  ...['!%!_!!', 'tab\there and line\nthere', 'e', LONG],
];
const contacts = ['Contacts of April', 'CONTACTS OF MAY'];

describe.each(engines)('a search on $engine', (engine) => {
  const gateway = useGateway(engine, {
    exports: names.flatMap((name, index) => [
      exportRow(index, { name }),
      exportRow(500 + index, { name, organizationId: 'org_other' }),
    ]),
  });

  async function find(search: string): Promise<string[]> {
    const { data } = await gateway.query<{
      exports: { data: { name: string }[]; pagination: { totalCount: number } };
    }>(
      `query ($search: String) {
         exports(filter: { search: $search }, limit: 100) { data { name } pagination { totalCount } } }`,
      { search },
    );
    expect(data.exports.pagination.totalCount).toBe(data.exports.data.length);
    return data.exports.data.map(({ name }) => name);
  }

  // Only MySQL ignores the case of letters beyond ASCII.
  const beyondAscii = engine.engine === 'MySQL';
  it.each<{ search: string; found: readonly string[] }>([
    { search: '', found: names },
    // A part at the start, in the middle, at the end, and the whole.
    { search: 'Contacts of A', found: ['Contacts of April'] },
    { search: 'acts of Ap', found: ['Contacts of April'] },
    { search: 'April', found: ['Contacts of April'] },
    { search: 'Contacts of April', found: ['Contacts of April'] },
    { search: 'Contacts of April ', found: [] },
    // The case of letters.
    { search: 'contacts', found: contacts },
    { search: 'CONTACTS', found: contacts },
    { search: 'cOnTaCtS oF', found: contacts },
    { search: 'résumé', found: beyondAscii ? ['Résumé', 'RÉSUMÉ'] : ['Résumé'] },
    { search: 'Résumé', found: beyondAscii ? ['Résumé', 'RÉSUMÉ'] : ['Résumé'] },
    { search: 'RÉSUMÉ', found: beyondAscii ? ['Résumé', 'RÉSUMÉ'] : ['RÉSUMÉ'] },
    { search: 'яблоко', found: beyondAscii ? ['Яблоко', 'ЯБЛОКО'] : [] },
    { search: 'Яблоко', found: beyondAscii ? ['Яблоко', 'ЯБЛОКО'] : ['Яблоко'] },
    // Wildcards, escapes and quotes are literal.
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
    // Spaces at both ends count.
    { search: '  spaced', found: ['  spaced  out  '] },
    { search: 'out  ', found: ['  spaced  out  '] },
    { search: 'out   ', found: [] },
    { search: '   ', found: [] },
    // Accents, emoji, flags and scripts differ from each other.
    { search: 'resume', found: ['Resume'] },
    { search: 'strasse', found: [] },
    { search: '🎉', found: ['party 🎉'] },
    { search: 'PARTY 🎊', found: ['party 🎊'] },
    { search: '🎈', found: [] },
    { search: '🇩🇪', found: ['flag 🇩🇪'] },
    { search: '本語の', found: ['日本語の書き出し'] },
    // 200 characters, emoji included.
    { search: LONG, found: [LONG] },
    { search: LONG.replace('🎁x', '🎁y'), found: [] },
  ])('for $search finds $found', async ({ search, found }) => {
    expect(await find(search)).toEqual(found);
  });

  it('is a parameter of its statements', async () => {
    const { statements } = await gateway.query(
      '{ exports(filter: { search: "needle" }) { data { id } pagination { totalCount } } }',
    );
    expect(statements).toHaveLength(2);
    for (const sql of statements) expect(sql).toMatch(/^(?!.*needle).* LIKE /);
  });
});
