import js from '@eslint/js';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';

/** Which folder may not import which: the way of a request reads top to bottom, and nothing goes back up. */
const zones = [
  { target: './src', from: './test', message: 'The product does not know its tests.' },
  {
    target: ['./src/!(main.ts)', './src/*/**'],
    from: ['./src/main.ts', './src/app.ts'],
    message: 'app.ts puts the parts together; no part knows the whole.',
  },
  {
    target: [
      './src/graphql/**',
      './src/exports/**',
      './src/files/**',
      './src/auth/**',
      './src/database/**',
    ],
    from: './src/http',
    message: 'Nothing below HTTP knows of HTTP.',
  },
  {
    target: ['./src/exports/**', './src/files/**', './src/auth/**', './src/database/**'],
    from: './src/graphql',
    message: 'The GraphQL server is above the exports.',
  },
  {
    target: './src/!(telemetry)/**',
    from: './src/telemetry',
    message: 'What is measured is told by callbacks; app.ts connects them.',
  },
  { target: './src/http', from: './src/exports', message: 'HTTP speaks to src/graphql.' },
  {
    target: ['./src/files/**', './src/auth/**'],
    from: './src/exports',
    message: 'Files and viewers are not only those of exports.',
  },
];

const graphql = {
  group: ['graphql', 'graphql-scalars', 'type-graphql', '@apollo/*'],
  message: 'This part knows no GraphQL.',
};
const typeorm = {
  group: ['typeorm'],
  message: 'TypeORM belongs into entities, repositories and src/database.',
};
const nodeProcess = { group: ['node:process', 'process'], message: 'Use the global process.' };
const fastify = { group: ['fastify', '@fastify/*'], message: 'Fastify belongs into src/http.' };
const dynamicTypeorm = {
  selector: "ImportExpression[source.value='typeorm']",
  message: typeorm.message,
};
const environment = {
  selector:
    "MemberExpression[object.name='process']:matches([property.name='env'], [property.value='env']), " +
    "VariableDeclarator[init.name='process']",
  message: 'Only entry points read the environment; readConfig gives the rest.',
};

export default defineConfig(
  { ignores: ['dist', 'data', 'coverage'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.mts'] },
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.mts', '.js'],
          extensionAlias: { '.js': ['.ts', '.js'], '.mjs': ['.mts', '.mjs'] },
        }),
      ],
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-extraneous-dependencies': ['error', { devDependencies: ['test/**', '*.js'] }],
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
      'no-restricted-imports': ['error', { patterns: [typeorm, nodeProcess] }],
      'no-restricted-syntax': ['error', environment, dynamicTypeorm],
    },
  },
  {
    files: ['src/{files,auth}/**', 'src/config.ts', 'src/errors.ts'],
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
    rules: { 'no-restricted-imports': ['error', { patterns: [nodeProcess] }] },
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
      // `query<Data>` types an answer that only the test knows.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    files: ['src/command.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
