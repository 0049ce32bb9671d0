import { expect } from '@jest/globals';

import type { Gateway, GraphqlError } from '../support/gateway.js';

/** An answer to the byte. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The statements that were sent to the database for it. */
  readonly statements: readonly string[];
}

/** The answer to a body that goes to `POST /graphql` as it is. */
export async function post(
  gateway: Gateway,
  body: string | Buffer,
  contentType = 'application/json',
): Promise<RawResponse> {
  const logBefore = gateway.log.length;
  const response = await fetch(`${gateway.origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  });
  const text = await response.text();
  const headers = Object.fromEntries(response.headers);
  delete headers['date'];
  delete headers['x-request-id'];
  return {
    status: response.status,
    headers,
    text,
    statements: gateway.log
      .slice(logBefore)
      .flatMap(({ sql }) => (typeof sql === 'string' ? [sql] : [])),
  };
}

/** The errors of an answer; there must be some, for the client's mistake, and none may tell how the gateway works. */
export function refusalOf({ status, text, statements }: RawResponse): readonly GraphqlError[] {
  expect(status).toBeGreaterThanOrEqual(200);
  expect(status).toBeLessThan(500);
  expectNoInternals(text);
  expect(statements).toEqual([]);
  const { errors = [] } = JSON.parse(text) as { errors?: readonly GraphqlError[] };
  expect(errors).not.toEqual([]);
  for (const { extensions } of errors) expect(extensions.code).not.toBe('INTERNAL_SERVER_ERROR');
  return errors;
}

/** Expects an answer to have no word of SQL, of a driver, of a path or of a stack. */
export function expectNoInternals(text: string): void {
  expect(text).not.toMatch(
    /SELECT |FROM exports|organization_id|SQLITE|libsql|mysql|mariadb|\bER_|QueryFailed/i,
  );
  expect(text).not.toMatch(
    /stack|node_modules|\.[jt]s\b|\bat [\w.<>]+ \(|\/(work|tmp|home|usr|src)\//i,
  );
}
