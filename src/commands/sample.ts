import { readConfig, readDatabaseConfig } from '../config/config.js';
import type { Environment } from '../config/settings.js';
import { connectDatabase, redactedUrl } from '../database/connect.js';
import { entities } from '../entities.js';
import { errorCode, StartupError } from '../errors.js';
import { createLogger } from '../logger.js';
import { hasExports } from '../sample/sample-repository.js';
import { SAMPLE_EXPORTS, seedSamples } from '../sample/seed.js';
import { openStorage } from '../storage/open-storage.js';
import { parseCommandLine, runCommand } from './run-command.js';

const MAX_EXPORTS = 10_000_000;
const PROGRESS_INTERVAL_MS = 5_000;

/** `npm run sample` adds exports to the database of DATABASE_URL and their files to FILES_URL. */
await runCommand(async (environment) => {
  try {
    await addSamples(readArguments(process.argv.slice(2)), environment);
  } catch (error) {
    throw isExpected(error) ? new StartupError([error.message], { cause: error }) : error;
  }
});

async function addSamples(
  { exports, ifEmpty }: { exports: number; ifEmpty: boolean },
  environment: Environment,
): Promise<void> {
  // Samples need no other settings, so mistakes in those are no obstacle.
  const { FILES_URL, LOG_LEVEL } = environment;
  const { files: filesConfig, logLevel } = readConfig({ FILES_URL, LOG_LEVEL });
  const database = readDatabaseConfig(environment);
  const logger = createLogger(logLevel);
  const storage = await openStorage(filesConfig, { logger });
  const source = await connectDatabase(database, { entities, logger });
  try {
    if (ifEmpty && (await hasExports(source))) {
      process.stdout.write(`There are exports in ${redactedUrl(database)}: added no samples.\n`);
      return;
    }
    const start = performance.now();
    const now = new Date();
    const onProgress = progressReporter(exports, start);
    // Every run adds samples of its own.
    const options = { storage, exports, now, seed: now.toISOString(), onProgress };
    const { files, bytes } = await seedSamples(source, options);
    const seconds = (performance.now() - start) / 1000;
    process.stdout.write(
      `Added ${exports} sample exports to ${redactedUrl(database)} and ${files} files ` +
        `(${(bytes / 1e6).toFixed(1)} MB) to ${storage.place} in ${seconds.toFixed(1)} s, ` +
        `${Math.round(exports / seconds)} exports a second.\n`,
    );
  } finally {
    await source.destroy();
  }
}

function progressReporter(total: number, start: number): (done: number) => void {
  let reportedAt = start;
  return (done) => {
    const now = performance.now();
    if (now - reportedAt < PROGRESS_INTERVAL_MS) return;
    reportedAt = now;
    const perSecond = (done * 1000) / (now - start);
    const left = Math.ceil((total - done) / perSecond);
    process.stderr.write(
      `${done} of ${total} exports, ${Math.round(perSecond)} a second, ${left} s left\n`,
    );
  };
}

/** Throws StartupError with a correct command. */
function readArguments(args: string[]): { exports: number; ifEmpty: boolean } {
  const options = {
    exports: { type: 'string', default: String(SAMPLE_EXPORTS) },
    'if-empty': { type: 'boolean', default: false },
  } as const;
  const usage = `Write: npm run sample -- --exports ${SAMPLE_EXPORTS}`;
  const { exports: text, 'if-empty': ifEmpty } = parseCommandLine({ args, options }, usage).values;
  const exports = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (exports >= 1 && exports <= MAX_EXPORTS) return { exports, ifEmpty };
  const problem = `--exports must be a whole number from 1 to ${MAX_EXPORTS}, not ${text}.`;
  throw new StartupError([problem]);
}

/** Whether the operator can correct it: a missing right, a full disk. Other errors are defects. */
function isExpected(error: unknown): error is Error {
  if (error instanceof StartupError) return true;
  // EACCES, ENOSPC, ER_TABLEACCESS_DENIED_ERROR, SQLITE_FULL; but Node's ERR_… report defects.
  return /^(?:E(?!RR_)|SQLITE_)/.test(errorCode(error) ?? '');
}
