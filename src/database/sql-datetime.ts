// Both databases take and return times as text: `YYYY-MM-DD hh:mm:ss.mmm` in UTC.

export function parseSqlDateTime(text: string): Date {
  return new Date(toIsoDateTime(text));
}

export function toSqlDateTime(time: Date): string {
  return time.toISOString().replace('T', ' ').slice(0, 23);
}

/** Converts to ISO 8601. The text may have fewer than three fractional digits. */
export function toIsoDateTime(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11).padEnd(12, text.length === 19 ? '.000' : '0')}Z`;
}

/** Whether a text is a time that exists: no zero date, no 31st of February, no 24 hours. */
export function isSqlDateTime(text: string): boolean {
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (month < 1 || month > 12 || day < 1 || text < '0001') return false;
  if (!(twoDigits(text, 11) <= 23 && twoDigits(text, 14) <= 59 && twoDigits(text, 17) <= 59)) {
    return false;
  }
  if (day <= 28) return true;
  const time = parseSqlDateTime(text);
  return !Number.isNaN(time.getTime()) && time.getUTCDate() === day;
}

/** Reads digits without a substring, because this runs for each time of each row. NaN for others. */
function twoDigits(text: string, index: number): number {
  return 10 * (text.charCodeAt(index) - 48) + text.charCodeAt(index + 1) - 48;
}
