import { parseArgs } from 'node:util';

import { runCommand } from './run-command.js';
import { readConfig, readDatabaseConfig } from '../config/config.js';
import type { Environment } from '../config/settings.js';
import { connectDatabase, redactedUrl } from '../database/connect.js';
import { errorCode, StartupError } from '../errors.js';
import { openStorage } from '../storage/open-storage.js';
import { createLogger } from '../logger.js';
import { SAMPLE_EXPORTS } from '../sample/fill-when-empty.js';
import { seedSamples } from '../sample/fill.js';
import { showProgress } from '../sample/progress.js';
import { SampleRepository } from '../sample/sample-repository.js';
import { entities } from '../entities.js';

/**
 * `npm run sample -- --exports N --if-empty`: adds sample exports to the database of DATABASE_URL and their files to
 * FILES_URL; with --if-empty, only when there are no exports yet.
 */
const MAX_EXPORTS = 10_000_000;

await runCommand(async (environment) => {
  try {
    await addSamples(readArguments(process.argv.slice(2)), readSettings(environment));
  } catch (error) {
    throw isExpected(error) ? new StartupError([error.message], { cause: error }) : error;
  }
});

async function addSamples(
  { exports, ifEmpty }: { exports: number; ifEmpty: boolean },
  { database, files, logLevel }: ReturnType<typeof readSettings>,
): Promise<void> {
  const logger = createLogger(logLevel);
  const storage = await openStorage(files, logger);
  const source = await connectDatabase(database, { entities, logger });
  if (ifEmpty && !(await new SampleRepository(source).isEmpty())) {
    await source.destroy();
    process.stdout.write(`There are exports in ${redactedUrl(database)}: added no samples.\n`);
    return;
  }
  const start = performance.now();
  const progress = showProgress(exports, process.stderr);
  const made = await seedSamples({
    source,
    files: storage.store,
    exports,
    now: new Date(),
    onProgress: (done) => {
      progress.update(done);
    },
  }).finally(async () => {
    progress.stop();
    await source.destroy();
  });
  const seconds = (performance.now() - start) / 1000;
  process.stdout.write(
    `Added ${exports} sample exports to ${redactedUrl(database)} and ${made.files} files ` +
      `(${(made.bytes / 1e6).toFixed(1)} MB) to ${storage.place} in ${seconds.toFixed(1)} s, ` +
      `${Math.round(exports / seconds)} exports a second.\n`,
  );
}

/** What the arguments ask for. Throws StartupError with what to write instead. */
function readArguments(args: readonly string[]): { exports: number; ifEmpty: boolean } {
  const { exports: text, 'if-empty': ifEmpty } = parseOptions(args);
  const exports = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (exports >= 1 && exports <= MAX_EXPORTS) return { exports, ifEmpty };
  throw new StartupError([
    `--exports must be a whole number from 1 to ${MAX_EXPORTS}, not ${text}.`,
  ]);
}

function parseOptions(args: readonly string[]) {
  const options = {
    exports: { type: 'string', default: String(SAMPLE_EXPORTS) },
    'if-empty': { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError([`${reason}\nWrite: npm run sample -- --exports ${SAMPLE_EXPORTS}`]);
  }
}

/** Only what samples need: nobody has to set AUTH to fill a database. Throws StartupError. */
function readSettings(environment: Environment) {
  const { FILES_URL, LOG_LEVEL } = environment;
  const { files, logLevel } = readConfig({ FILES_URL, LOG_LEVEL });
  return { database: readDatabaseConfig(environment), files, logLevel };
}

/** What the person at the keyboard can mend, such as a missing right or a full disk. All else is a defect. */
function isExpected(error: unknown): error is Error {
  if (error instanceof StartupError) return true;
  // EACCES, ENOSPC, ER_TABLEACCESS_DENIED_ERROR, SQLITE_FULL; but ERR_… is what Node says of wrong code.
  return /^(?:E(?!RR_)|SQLITE_)/.test(errorCode(error) ?? '');
}
