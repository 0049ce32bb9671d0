import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';

/**
 * What each folder may import besides itself and the files in `shared`. A request goes down this list and nothing imports
 * upward; only start.ts, app.ts and ormconfig.ts, the composition roots, may import everything.
 */
const layers = {
  commands: [
    'auth',
    'config',
    'database',
    'exports',
    'graphql',
    'sample',
    'storage',
    'entities.ts',
  ],
  sample: ['config', 'database', 'exports', 'storage'],
  telemetry: ['database', 'graphql', 'http'],
  http: ['auth', 'config', 'graphql', 'storage'],
  graphql: ['auth', 'exports', 'storage'],
  exports: ['database', 'storage'],
  auth: ['config', 'database'],
  storage: ['config'],
  database: ['config'],
  config: [],
};

const shared = [
  'deadline.ts',
  'errors.ts',
  'fair-queue.ts',
  'in-flight.ts',
  'logger.ts',
  'partitions.ts',
  'remote-value.ts',
  'renewable-value.ts',
];

const zones = [
  { target: './src', from: './test', message: 'src/ must not import test/.' },
  {
    target: [
      './src/errors.ts',
      './src/fair-queue.ts',
      './src/in-flight.ts',
      './src/logger.ts',
      './src/partitions.ts',
    ],
    from: './src',
    message: 'Every folder may import this file, so it imports none.',
  },
  {
    target: ['./src/deadline.ts', './src/remote-value.ts'],
    from: './src',
    except: ['./deadline.ts', './errors.ts', './logger.ts'],
    message: 'Every folder may import this file, so it imports only errors and the logger.',
  },
  {
    target: './src/renewable-value.ts',
    from: './src',
    except: ['./logger.ts', './remote-value.ts'],
    message: 'Every folder may import this file, so it imports only shared files.',
  },
  ...Object.entries(layers).map(([folder, below]) => ({
    target: `./src/${folder}`,
    from: './src',
    except: [folder, ...shared, ...below].map((path) => `./${path}`),
    message: `${folder}/ may import only: ${below.join(', ') || 'nothing'}.`,
  })),
];

const graphql = {
  group: ['graphql', 'graphql-scalars', 'type-graphql', '@apollo/*'],
  message: 'This folder must not import GraphQL.',
};
const typeorm = {
  group: ['typeorm'],
  message: 'TypeORM belongs in entities, repositories and src/database.',
};
const nodeProcess = { group: ['node:process', 'process'], message: 'Use the global process.' };
const fastify = { group: ['fastify', '@fastify/*'], message: 'Fastify belongs in src/http.' };
const dynamicTypeorm = {
  selector: "ImportExpression[source.value='typeorm']",
  message: typeorm.message,
};
const environment = {
  selector:
    "MemberExpression[object.name='process']:matches([property.name='env'], [property.value='env']), " +
    "VariableDeclarator[init.name='process']",
  message: 'Only entry points read the environment; the rest gets a Config.',
};

const getter = {
  selector: "ObjectExpression > Property[kind='get']",
  message:
    'V8 makes a hidden class for each such object, which keeps all that its getter sees in memory ' +
    'until a full garbage collection. Use a class.',
};

export default defineConfig(
  { ignores: ['build', 'dist', 'data', 'coverage', 'examples/exports-page/src/gql'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx', '.mts'] },
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.tsx', '.mts', '.js'],
          extensionAlias: { '.js': ['.ts', '.tsx', '.js'], '.mjs': ['.mts', '.mjs'] },
        }),
      ],
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-extraneous-dependencies': [
        'error',
        { devDependencies: ['test/**', 'examples/**', '*.js'] },
      ],
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Async functions without await keep an interface's promise when they throw.
      '@typescript-eslint/require-await': 'off',
      // Fastify takes async hooks, which the types of its overloads hide.
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { properties: false } },
      ],
    },
  },
  {
    files: ['src/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [typeorm, fastify, nodeProcess] }],
      'no-restricted-syntax': ['error', environment, dynamicTypeorm, getter],
    },
  },
  {
    files: ['src/http/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: [typeorm, nodeProcess] }] },
  },
  {
    files: ['src/{storage,auth,config}/**', 'src/errors.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [typeorm, graphql, fastify, nodeProcess] }],
    },
  },
  {
    files: [
      'src/database/**',
      'src/exports/export.ts',
      'src/exports/export-file.ts',
      'src/{exports,sample}/*-repository.ts',
    ],
    rules: { 'no-restricted-imports': ['error', { patterns: [fastify, nodeProcess] }] },
  },
  {
    files: ['src/auth/api-key.ts', 'src/auth/api-key-repository.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: [graphql, fastify, nodeProcess] }] },
  },
  {
    files: ['test/**'],
    rules: {
      // Rows are written as plain values.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `query<Data>` types a response whose shape only the test determines.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    files: ['src/commands/run-command.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
