import { expect } from '@jest/globals';

import type { Gateway, GraphqlError, RawRequest } from './gateway.js';

/** Expects that a response contains no SQL, driver names, paths or stack traces. */
export function expectNoInternals(text: string): void {
  expect(text).not.toMatch(
    /SELECT |FROM exports|organization_id|SQLITE|libsql|mysql|mariadb|\bER_|QueryFailed/i,
  );
  expect(text).not.toMatch(
    /stack|node_modules|\.[jt]s\b|\bat [\w.<>]+ \(|\/(work|tmp|home|usr|src)\//i,
  );
}

/** Sends a request and expects its rejection without a statement or a logged error. */
export async function sendRejected(gateway: Gateway, request: RawRequest) {
  const { status, text, statements, logged } = await gateway.send(request);
  expectNoInternals(text);
  expect(statements).toEqual([]);
  expect(logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  const { data, errors } = JSON.parse(text) as { data?: object; errors: readonly GraphqlError[] };
  const codes = [...new Set(errors.map(({ extensions }) => extensions.code))];
  return { status, data, codes, message: errors[0]?.message };
}
