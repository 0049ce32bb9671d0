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
