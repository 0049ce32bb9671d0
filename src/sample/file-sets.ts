import type { ExportResource } from '../exports/export.js';
import { contentTypeFor } from '../storage/download-headers.js';
import type { FileStore } from '../storage/file-store.js';
import { drawFileSet, type FileSet } from './file-set.js';
import { at, type Random } from './random.js';

/** How many runs of each kind leave files of their own; 6 resources make this 240 sets and as many failed ones at most. */
const RUNS = 40;

/**
 * The files of the samples. The first exports, and all of the 250 that a gateway starts with, get files of their own.
 * A hundred thousand would take gigabytes, so later ones refer to files that are there already: every row count, size and
 * hash stays true, and every link downloads something.
 */
export class FileSets {
  private readonly drawn = new Map<string, FileSet[]>();

  constructor(
    private readonly store: FileStore,
    private readonly seed: string,
  ) {}

  /**
   * The files of one run. Calls may overlap: which files each gets is settled before the first of them is written, and a
   * file may be in writing still when a call that shares it ends.
   */
  async take(
    random: Random,
    run: { resource: ExportResource; at: Date; failed: boolean },
  ): Promise<FileSet> {
    const kind = `${run.resource}/${run.failed ? 'failed' : 'completed'}`;
    const sets = this.drawn.get(kind) ?? [];
    if (sets.length >= RUNS) return at(sets, random.whole(0, sets.length - 1));
    const key = `${this.seed}/files/${kind}/${sets.length}`;
    const { contents, ...set } = drawFileSet({ ...run, key });
    this.drawn.set(kind, [...sets, set]);
    await Promise.all(
      contents.map(({ objectKey, content }) =>
        this.store.put(objectKey, content, contentTypeFor(objectKey)),
      ),
    );
    return set;
  }

  /** What there is so far. */
  get summary(): { files: number; bytes: number } {
    const files = [...this.drawn.values()].flat().flatMap((set) => set.files);
    return { files: files.length, bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) };
  }
}
