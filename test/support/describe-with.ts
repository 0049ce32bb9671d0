import { describe, it } from '@jest/globals';

import { has, requirements, type Requirement } from './requirements.js';

/** `describe` for tests with a requirement. The report of the run lists a missing requirement. */
export function describeWith(requirement: Requirement, name: string, define: () => void): void {
  if (has(requirement)) describe(name, define);
  else leaveOut(requirement, name);
}

/** `it` for a test with a requirement. The report of the run lists a missing requirement. */
export function itWith(requirement: Requirement, name: string, test: () => Promise<void>): void {
  if (has(requirement)) it(name, test);
  else leaveOut(requirement, name);
}

/** Jest rejects a file without tests, so a placeholder stands for what the file leaves out. */
function leaveOut(requirement: Requirement, name: string): void {
  it(`${name} (not tested: ${requirements[requirement].label})`, () => undefined);
}
