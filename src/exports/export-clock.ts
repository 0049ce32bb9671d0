/** The gateway's clock in whole seconds, so that one second has one answer. */
export function currentSecond(): Date {
  return new Date(Math.floor(Date.now() / 1_000) * 1_000);
}
