/**
 * Whether a spreadsheet that opens this cell of a CSV file would compute it instead of showing it, which is how a
 * stranger's text comes to run on a colleague's machine (OWASP, "CSV Injection").
 *
 * A cell is dangerous when it begins with `=`, `@`, a tab or a line break, and also with `+` or `-` unless the whole of it
 * is a number or a telephone number. Full-width forms (`＝`), which East Asian spreadsheets read alike, count alike.
 *
 * - `-12.5`, `+3`, `-1.5e3`, `-1 234,50`, `-5%` are data, as is `+49 30 1234567`: digits and their separators leave
 *   nothing to compute.
 * - `+1 (202) 555-0143` is data: the space before the area code makes it no expression.
 * - `-2-3` and `+49-30-1234567` are not: a spreadsheet shows -5 and -1234548, so the data would be lost, too.
 * - What only begins like a number (`-2+3+cmd|' /C calc'!A0`, `-20 °C`) and a lone `-` count as dangerous: a row
 *   too many in the sanitized file costs less than one too few.
 *
 * This is about text. A value that is a number to begin with is always data.
 */
export function isFormula(cell: string): boolean {
  // The compatibility form has the plain signs and digits in place of full-width and small ones.
  const plain = cell.normalize('NFKC');
  if (/^[=@\t\r\n]/.test(plain)) return true;
  if (!/^[+-]/.test(plain)) return false;
  return !NUMBER.test(plain) && !TELEPHONE.test(plain);
}

const NUMBER = /^[+-](?:\d[\d.,' ]*|[.,]\d+)(?:e[+-]?\d{1,3})? ?%?$/i;

/** A country code, a space, perhaps an area code in parentheses, groups of digits joined by spaces or hyphens. */
const TELEPHONE = /^\+\d{1,3} (?:\(\d{1,5}\) ?)?\d{1,9}(?:[ -]\d{1,9})*$/;
