import type { FileStore } from '../storage/file-store.js';
import { FileSets } from './file-sets.js';
import { makeSample, sampleId, type SampleExport } from './sample-export.js';
import { SampleRepository, type DataSource } from './sample-repository.js';

/** How many exports become visible at once: enough that committing costs little, few enough to show progress. */
const EXPORTS_PER_TRANSACTION = 500;

/** How many exports write their files at the same time, for each file in a bucket is a request. */
const EXPORTS_AT_ONCE = 20;

const MANY_EXPORTS = 5_000;

export interface FillOptions {
  readonly source: DataSource;
  readonly files: FileStore;
  /** How many to add. */
  readonly exports: number;
  /** The samples end here and reach back 14 days. */
  readonly now: Date;
  /** The same seed and the same `now` make the same samples to the byte. Without it, the first series not yet there. */
  readonly seed?: string;
  /** Told how many have their files so far; their rows follow, a transaction at a time. */
  readonly onProgress?: (done: number) => void;
}

/** How many files were written, and their bytes together. */
export interface FillSummary {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Adds sample exports with their files. Rows come after the files they speak of, a transaction at a time, so that a fill
 * that is cut short leaves nothing untrue.
 */
export async function seedSamples(options: FillOptions): Promise<FillSummary> {
  const { exports: count, now, onProgress } = options;
  const repository = new SampleRepository(options.source);
  const seed = options.seed ?? (await nextSeed(repository));
  const sets = new FileSets(options.files, seed);
  if (count >= MANY_EXPORTS) await repository.prepareForMany();
  for (let start = 0; start < count; start += EXPORTS_PER_TRANSACTION) {
    const end = Math.min(start + EXPORTS_PER_TRANSACTION, count);
    const samples: SampleExport[] = [];
    while (start + samples.length < end) {
      const next = start + samples.length;
      const indexes = Array.from(
        { length: Math.min(EXPORTS_AT_ONCE, end - next) },
        (_, i) => next + i,
      );
      samples.push(
        ...(await Promise.all(indexes.map((index) => makeSample({ seed, now, sets }, index)))),
      );
      onProgress?.(start + samples.length);
    }
    await repository.add(samples);
  }
  return sets.summary;
}

/** Series are numbered. One is there when any of its first ids is; a primary key answers that in a table of any size. */
async function nextSeed(repository: SampleRepository): Promise<string> {
  for (let series = 1; ; series++) {
    const seed = `sample ${series}`;
    const ids = Array.from({ length: 100 }, (_, index) => sampleId(seed, index));
    if (!(await repository.hasAnyOf(ids))) return seed;
  }
}
