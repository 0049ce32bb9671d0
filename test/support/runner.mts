import { readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type JestRunner from 'jest-runner';

import { COMPILED_GATEWAY, compileGateway } from './built-gateway.js';

// The package's types describe its CommonJS build, not the one that `import` loads.
const { default: TestRunner } = createRequire(import.meta.url)('jest-runner') as typeof JestRunner;
type RunTests = InstanceType<typeof TestRunner>['runTests'];

/**
 * Compiles the gateway once for all test files that start it. Runs `*.timing.test.ts` one by one after all other
 * tests, so that neither distort each other's timing.
 */
export default class GatewayTestRunner extends TestRunner {
  override async runTests(...[tests, watcher, options]: Parameters<RunTests>): Promise<void> {
    const isTiming = ({ path }: (typeof tests)[number]) => path.endsWith('.timing.test.ts');
    const others = tests.filter((test) => !isTiming(test));
    const sources = await Promise.all(tests.map(({ path }) => readFile(path, 'utf8')));
    const startsGateway = sources.some((source) => /uil[dt]Gateway\(/.test(source));
    // The worker processes inherit it.
    if (startsGateway) process.env[COMPILED_GATEWAY] = await compileGateway();
    try {
      if (others.length > 0) await super.runTests(others, watcher, options);
      await super.runTests(tests.filter(isTiming), watcher, { ...options, serial: true });
    } finally {
      const { [COMPILED_GATEWAY]: compiled } = process.env;
      Reflect.deleteProperty(process.env, COMPILED_GATEWAY);
      if (compiled !== undefined) await rm(compiled, { recursive: true });
    }
  }
}
