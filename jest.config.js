// Jest compiles a global set-up in TypeScript to CommonJS, whose `.js` imports it cannot resolve, but loads `.mts`
// by import(), and this lets Node read TypeScript.
import '@swc-node/register/esm-register';

/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  runner: '<rootDir>/test/support/runner.mts',
  globalSetup: '<rootDir>/test/support/global-setup.mts',
  globalTeardown: '<rootDir>/test/support/global-teardown.mts',
  setupFiles: ['<rootDir>/test/support/one-realm.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2022',
          // GraphQL and table names are derived from class names.
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: {
            legacyDecorator: true,
            decoratorMetadata: true,
            // What tsc does by itself for the target of tsconfig.json.
            useDefineForClassFields: true,
          },
        },
      },
    ],
  },
  testTimeout: 60_000,
  maxWorkers: 2,
  // At its end, a worker frees up to 2 GB, which takes 0.1 s on an idle machine and up to 2 s on a busy one.
  workerGracefulExitTimeout: 5_000,
};
