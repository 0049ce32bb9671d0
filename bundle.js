import { realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

/**
 * Puts what `tsc` has compiled into `build`, and the packages that it imports, into the few files of
 * `dist`: finding and compiling 1,800 modules takes Node most of its start (docs/performance.md).
 */

/** A binary, and packages that are large and rarely used: they stay in node_modules. */
export const external = [
  'libsql',
  '@aws-sdk/credential-providers',
  '@graphql-yoga/render-graphiql',
  'jsonc-parser',
];

const commands = ['api-key', 'doctor', 'migrate', 'sample', 'schema'];
const entries = ['ormconfig', 'src/main', ...commands.map((name) => `src/commands/${name}`)];

const checkout = dirname(fileURLToPath(import.meta.url));
/** Where `build` and `dist` are. */
const root = resolve(argv[2] ?? checkout);

/**
 * Milliseconds since 1970; 0 for a file that does not exist.
 * @param {string[]} path
 */
const changedAt = (...path) => statSync(resolve(...path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * Escapes what is not ASCII: V8 keeps a file with any character beyond Latin-1 in two bytes a character, 7 MB more.
 * @type {import('vite').Plugin}
 */
const oneByteSource = {
  name: 'one-byte-source',
  // At `renderChunk`, the bundler would print the characters again.
  generateBundle(_options, files) {
    for (const file of Object.values(files)) {
      if (file.type !== 'chunk') continue;
      const found = /\\[^\0-\x7f]/.exec(file.code);
      if (found) throw new Error(`${file.fileName} escapes ${found[0]}, which this would change.`);
      file.code = file.code.replace(/[^\0-\x7f]/g, escape);
    }
  },
};

/** @param {string} unit */
const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Written last: an interrupted build leaves a part of the files. */
const done = resolve(root, 'dist/.bundled');

function isUpToDate() {
  const compiledAt = changedAt(root, 'build/.tsbuildinfo');
  // npm writes it at each install.
  const installedAt = changedAt(root, 'node_modules/.package-lock.json');
  const inputsAt = Math.max(compiledAt, installedAt, changedAt(checkout, 'bundle.js'));
  return changedAt(done) > inputsAt;
}

async function bundle() {
  // Slow to load.
  const { build } = await import('vite');
  await build({
    configFile: false,
    root,
    publicDir: false,
    logLevel: 'warn',
    plugins: [oneByteSource],
    resolve: {
      // What Node would load. `jsonc-parser` has a file there that no bundler can read.
      mainFields: ['main', 'module'],
      // One graphql-js for import and require(): a second one would reject the types of the first.
      alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }],
    },
    ssr: {
      noExternal: true,
      external,
    },
    build: {
      ssr: true,
      target: 'node20',
      // The licences of the packages, in dist/.vite/license.md.
      license: true,
      // For stack traces in logs.
      minify: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: Infinity,
      rolldownOptions: {
        input: Object.fromEntries(entries.map((name) => [name, resolve(root, `build/${name}.js`)])),
        output: { chunkFileNames: 'chunks/[name]-[hash].js' },
        // TypeGraphQL names it, but does not need it.
        external: ['class-validator'],
      },
    },
  });
  writeFileSync(done, '');
}

const isProgram = argv[1] !== undefined && realpathSync(argv[1]) === import.meta.filename;
if (isProgram && !isUpToDate()) await bundle();
