import type { FileStore } from '../files/file-store.js';
import { FileSets } from './file-sets.js';
import { makeSample, sampleId, type SampleExport } from './sample-export.js';
import { SampleRepository, type DataSource } from './sample-repository.js';

/** How many exports become visible at once: enough that committing costs little, few enough to show progress. */
const EXPORTS_PER_TRANSACTION = 500;

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
  /** Told how many have been added so far. */
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
export async function fillWithSamples(options: FillOptions): Promise<FillSummary> {
  const { exports: count, now, onProgress } = options;
  const repository = new SampleRepository(options.source);
  const seed = options.seed ?? (await nextSeed(repository));
  const sets = new FileSets(options.files, seed);
  if (count >= MANY_EXPORTS) await repository.prepareForMany();
  for (let start = 0; start < count; start += EXPORTS_PER_TRANSACTION) {
    const end = Math.min(start + EXPORTS_PER_TRANSACTION, count);
    const samples: SampleExport[] = [];
    for (let index = start; index < end; index++) {
      samples.push(await makeSample({ seed, now, sets }, index));
    }
    await repository.add(samples);
    onProgress?.(end);
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
