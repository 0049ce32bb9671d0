import type { Storage } from '../storage/open-storage.js';
import type { Logger } from '../logger.js';
import { writeToStorage } from './file-writer.js';
import { createSampleGenerator, type SampleExport } from './sample-export.js';
import { hasExports, insertSamples, type DataSource } from './sample-repository.js';

/** The number of samples in a new embedded database. */
export const SAMPLE_EXPORTS = 250;
const EXPORTS_PER_TRANSACTION = 500;
/** The exports whose files are written concurrently: in a bucket, each file is a request. */
const CONCURRENT_EXPORTS = 20;

/** Samples reach back 14 days from `now`. The same seed and `now` yield the same samples. */
interface SeedOptions {
  readonly storage: Storage;
  readonly exports: number;
  readonly now: Date;
  readonly seed: string;
  readonly onProgress?: (done: number) => void;
}

/** Adds sample exports. Rows follow their files, so an interruption leaves no row without files. */
export async function seedSamples(
  source: DataSource,
  { storage, exports: count, now, seed, onProgress }: SeedOptions,
): Promise<{ files: number; bytes: number }> {
  const generate = createSampleGenerator(seed, now);
  const written = new Map<string, number>();
  const pending: SampleExport[] = [];
  for (let start = 0; start < count; start += CONCURRENT_EXPORTS) {
    const end = Math.min(start + CONCURRENT_EXPORTS, count);
    const samples = Array.from({ length: end - start }, (_, offset) => generate(start + offset));
    const files = samples.flatMap((sample) => sample.files);
    const newFiles = files.filter(({ objectKey }) => !written.has(objectKey));
    await Promise.all(newFiles.map((file) => writeToStorage(storage, file)));
    for (const { objectKey, sizeBytes } of newFiles) written.set(objectKey, sizeBytes);
    pending.push(...samples);
    const isFull = pending.length >= EXPORTS_PER_TRANSACTION || end === count;
    if (isFull) await insertSamples(source, pending.splice(0));
    onProgress?.(end);
  }
  return { files: written.size, bytes: [...written.values()].reduce((sum, size) => sum + size, 0) };
}

/** Adds samples to a database without exports. */
export async function seedIfEmpty(
  source: DataSource,
  { storage, logger }: { storage: Storage; logger: Logger },
): Promise<void> {
  if (await hasExports(source)) return;
  const options = { storage, exports: SAMPLE_EXPORTS, now: new Date(), seed: 'initial' };
  try {
    const { files } = await seedSamples(source, options);
    logger.info(`Added ${SAMPLE_EXPORTS} sample exports with ${files} files to an empty database.`);
  } catch (error) {
    // A gateway that started at the same time may have inserted the same samples.
    if (!(await hasExports(source))) throw error;
  }
}
