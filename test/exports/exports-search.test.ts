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
  const upper = engine.engine === 'MySQL' ? ['Résumé', 'RÉSUMÉ'] : ['RÉSUMÉ'];
  const capitalized = engine.engine === 'MySQL' ? upper : ['Résumé'];
  const cyrillic = engine.engine === 'MySQL' ? ['Яблоко', 'ЯБЛОКО'] : [];
  it.each(
    (
      [
        [names, ['', '   ', '\t']],
        // A part at the start, in the middle, at the end, and the whole.
        [['Contacts of April'], ['Contacts of A', 'acts of Ap', 'April', 'Contacts of April']],
        // The case of letters.
        [
          ['Contacts of April', 'CONTACTS OF MAY'],
          ['contacts', 'CONTACTS', 'cOnTaCtS oF'],
        ],
        [capitalized, ['résumé', 'Résumé']],
        [upper, ['RÉSUMÉ']],
        [cyrillic, ['яблоко']],
        [cyrillic.length > 0 ? cyrillic : ['Яблоко'], ['Яблоко']],
        // Wildcards, escapes and quotes are literal.
        [['100% of all', '!%!_!!'], ['%']],
        [['100% of all'], ['0%']],
        [['snake_case', '!%!_!!'], ['_']],
        [['snake_case'], ['snake_case']],
        [['Really! Yes', '!%!_!!'], ['!']],
        [['!%!_!!'], ['!!', '!%', '!_']],
        [['C:\\exports\\new', "\\' OR 1=1 -- "], ['\\']],
        [['C:\\exports\\new'], ['\\n']],
        [["O'Brien's list", "') OR 1=1 -- ", "\\' OR 1=1 -- "], ["'"]],
        [['A "quoted" list'], ['"']],
        [["') OR 1=1 -- "], ["') OR 1=1 -- "]],
        [["\\' OR 1=1 -- "], ["\\' OR 1=1 -- "]],
        [['; DROP TABLE exports; --'], ['; DROP TABLE exports; --']],
        [[], ['%%', '___', '\\\\', '\\%', "''", '`', '*', '[a-z]', '?', '??', ':id', '$1', '@id']],
        [[], ["' AND SLEEP(10) -- ", '/*! DROP TABLE exports */', '\uffff', '\u007f', '\u202e']],
        [[], ['%'.repeat(200), '_'.repeat(200), '!'.repeat(200), '\\'.repeat(200)]],
        // Spaces count within the text, not around it.
        [['tab\there and line\nthere'], ['tab\there', 'line\nthere']],
        [['  spaced  out  '], ['spaced  out', '  spaced', 'out   ']],
        [['Contacts of April'], ['Contacts of April ', ' Contacts of April']],
        [[], ['spaced out']],
        // Accents, emoji, flags and scripts differ from each other.
        [['Resume'], ['resume']],
        [['party 🎉'], ['🎉']],
        [['party 🎊'], ['PARTY 🎊']],
        [['flag 🇩🇪'], ['🇩🇪']],
        [['日本語の書き出し'], ['本語の']],
        [[], ['strasse', '🎈']],
        // 200 characters, emoji included.
        [[LONG], [LONG]],
        [[], [LONG.replace('🎁x', '🎁y')]],
      ] as const
    ).flatMap(([found, searches]) => searches.map((search) => ({ search, found }))),
  )('for $search finds $found', async ({ search, found }) => {
    expect(await find(search)).toEqual(found);
  });
});
