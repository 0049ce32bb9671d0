import { expect } from '@jest/globals';

/** Expects that a response contains no SQL, driver names, paths or stack traces. */
export function expectNoInternals(text: string): void {
  expect(text).not.toMatch(
    /SELECT |FROM exports|organization_id|SQLITE|libsql|mysql|mariadb|\bER_|QueryFailed/i,
  );
  expect(text).not.toMatch(
    /stack|node_modules|\.[jt]s\b|\bat [\w.<>]+ \(|\/(work|tmp|home|usr|src)\//i,
  );
}
