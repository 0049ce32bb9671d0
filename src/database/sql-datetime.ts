/** A time as a row gives it: `YYYY-MM-DD hh:mm:ss.mmm` in UTC. */
export function parseSqlDateTime(value: string): Date {
  return new Date(toIsoDateTime(value));
}

/** A time as a parameter: `YYYY-MM-DD hh:mm:ss.mmm` in UTC, which both databases compare rightly. */
export function toSqlDateTime(value: Date): string {
  return value.toISOString().replace('T', ' ').slice(0, 23);
}

/** Such a text in the form of ISO 8601: `YYYY-MM-DDThh:mm:ss.mmmZ`. */
export function toIsoDateTime(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11).padEnd(12, text.length === 19 ? '.000' : '0')}Z`;
}
