/** A time as a row gives it: a Date from MySQL, text in UTC from SQLite. */
export function dateOf(value: Date | string): Date {
  return value instanceof Date ? value : new Date(`${value.replace(' ', 'T')}Z`);
}

/** A time as a parameter: `YYYY-MM-DD hh:mm:ss.mmm` in UTC, which both databases compare rightly. */
export function dateText(value: Date): string {
  return value.toISOString().replace('T', ' ').slice(0, 23);
}
