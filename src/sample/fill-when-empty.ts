import type { FileStore } from '../storage/file-store.js';
import type { Logger } from '../logger.js';
import { SampleRepository, type DataSource } from './sample-repository.js';

/** How many exports a new gateway shows. */
export const SAMPLE_EXPORTS = 250;

/** Gives a database without any exports some to look at. */
export async function seedIfEmpty({
  source,
  files,
  logger,
}: {
  source: DataSource;
  files: FileStore;
  logger: Logger;
}): Promise<void> {
  const repository = new SampleRepository(source);
  if (!(await repository.isEmpty())) return;
  const start = performance.now();
  // Only now, for it takes time to load and is needed once in the life of a database.
  const { seedSamples } = await import('./fill.js');
  const fill = () => seedSamples({ source, files, exports: SAMPLE_EXPORTS, now: new Date() });
  const made = await fill().catch(async (error: unknown) => {
    // Another gateway that was started at the same time has filled it in the meantime.
    if (await repository.isEmpty()) throw error;
    return null;
  });
  if (made === null) return;
  logger.info(
    `The database was empty: added ${SAMPLE_EXPORTS} sample exports with ${made.files} files in ` +
      `${Math.round(performance.now() - start)} ms.`,
  );
}
