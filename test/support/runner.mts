import { createRequire } from 'node:module';

import type JestRunner from 'jest-runner';

// The package's types describe its CommonJS build, not the one that `import` loads.
const { default: TestRunner } = createRequire(import.meta.url)('jest-runner') as typeof JestRunner;
type RunTests = InstanceType<typeof TestRunner>['runTests'];

/** Runs `*.timing.test.ts` one by one after all other tests, so that neither distort each other's timing. */
export default class TimingTestsLast extends TestRunner {
  override async runTests(...[tests, watcher, options]: Parameters<RunTests>): Promise<void> {
    const isTiming = ({ path }: (typeof tests)[number]) => path.endsWith('.timing.test.ts');
    const others = tests.filter((test) => !isTiming(test));
    if (others.length > 0) await super.runTests(others, watcher, options);
    await super.runTests(tests.filter(isTiming), watcher, { ...options, serial: true });
  }
}
