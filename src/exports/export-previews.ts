import { LRUCache } from 'lru-cache';

import { FairSemaphore } from '../database/fair-semaphore.js';
import { withDeadline } from '../deadline.js';
import { PreviewUnavailableError, RequestAbandonedError, toError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { FileReader } from '../storage/file-reader.js';
import { ExportFileKind, type ExportFileRow } from './export-file.js';
import { readCsv } from './export-preview-csv.js';
import { readJson } from './export-preview-json.js';
import { decodeText } from './export-preview-text.js';
import { ExportFilePreview, type PreviewTable } from './export-preview.js';

const MAX_BYTES = 256 * 1024;
/** Includes the wait for a permit. */
const READ_TIMEOUT_MS = 2_000;
const MAX_CONCURRENT_READS = 16;
const MAX_CACHED_BYTES = 16 * 1024 * 1024;
/** An object may be deleted. */
const KEPT_MS = 300_000;
/** What no hash identifies may be replaced, and what is missing may be written yet. */
const BRIEFLY_KEPT_MS = 5_000;

/** The request of a preview. */
export interface PreviewOrigin {
  readonly organization: string;
  readonly isAbandoned: boolean;
}

interface CompletedPreviewRead {
  readonly outcome: PreviewReadOutcome;
  readonly seconds: number;
}
type PreviewReadOutcome = 'success' | 'missing' | 'unreadable' | 'failure';

export interface ExportPreviewsOptions {
  readonly logger: Logger;
  readonly onRead: (read: CompletedPreviewRead) => void;
}

/** A read that is shared by the requests for the same file. */
interface SharedRead {
  readonly origins: PreviewOrigin[];
  readonly table: Promise<PreviewTable | null>;
}

/** Reads the first rows of files. Callers check whether the viewer may read the file. */
export class ExportPreviews {
  readonly #reads = new Map<string, SharedRead>();
  readonly #permits = new FairSemaphore(MAX_CONCURRENT_READS);
  /** Parsing one file at a time keeps the turns of the event loop short. */
  readonly #parsing = new FairSemaphore(1);
  /** `false` stands for a file without a preview. */
  readonly #cache = new LRUCache<string, PreviewTable | false>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (table) => (table === false ? 100 : 2 * JSON.stringify(table).length),
  });

  constructor(
    private readonly reader: FileReader,
    private readonly options: ExportPreviewsOptions,
  ) {}

  /**
   * Resolves to null for a file that is missing in the storage or is not what its kind says. Rejects
   * with PreviewUnavailableError when the storage fails or takes too long.
   */
  async read(
    file: ExportFileRow,
    rows: number,
    origin: PreviewOrigin,
  ): Promise<ExportFilePreview | null> {
    const table = await this.#table(file, origin);
    return table && new ExportFilePreview(table, rows);
  }

  #table(file: ExportFileRow, origin: PreviewOrigin): Promise<PreviewTable | null> {
    const key = JSON.stringify([file.kind, file.objectKey, file.sizeBytes, file.sha256]);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return Promise.resolve(cached || null);
    const shared = this.#reads.get(key);
    if (shared !== undefined) {
      shared.origins.push(origin);
      return shared.table;
    }
    const origins = [origin];
    const table = this.#load(file, origins)
      .then((loaded) => {
        const isLasting = loaded !== null && Boolean(file.sha256);
        this.#cache.set(key, loaded ?? false, { ttl: isLasting ? KEPT_MS : BRIEFLY_KEPT_MS });
        return loaded;
      })
      .finally(() => this.#reads.delete(key));
    this.#reads.set(key, { origins, table });
    return table;
  }

  async #load(
    file: ExportFileRow,
    origins: readonly PreviewOrigin[],
  ): Promise<PreviewTable | null> {
    const [{ organization } = { organization: '' }] = origins;
    const { logger, onRead } = this.options;
    const { exportId, kind } = file;
    const startedAt = performance.now();
    const report = (outcome: PreviewReadOutcome) => {
      onRead({ outcome, seconds: (performance.now() - startedAt) / 1_000 });
    };
    const aborter = new AbortController();
    const read = this.#permits.run(organization, async () => {
      aborter.signal.throwIfAborted();
      if (origins.every(({ isAbandoned }) => isAbandoned)) throw new RequestAbandonedError();
      return this.reader.readStart(file, MAX_BYTES, aborter.signal);
    });
    try {
      const start = await withDeadline(read, READ_TIMEOUT_MS);
      if (start === null) {
        report('missing');
        logger.warn({ exportId, kind }, 'A file is missing in the storage');
        return null;
      }
      const table = await this.#parsing.run(organization, async () => parseFile(kind, start));
      report(table === null ? 'unreadable' : 'success');
      if (table === null) logger.warn({ exportId, kind }, 'A file is not what its kind says');
      return table;
    } catch (error) {
      if (error instanceof RequestAbandonedError) throw error;
      report('failure');
      throw new PreviewUnavailableError({ cause: toError(error) });
    } finally {
      aborter.abort();
    }
  }
}

/** Returns null for what is not of the kind. */
async function parseFile(
  kind: ExportFileKind,
  start: Parameters<typeof decodeText>[0],
): Promise<PreviewTable | null> {
  const text = decodeText(start);
  if (text === null) return null;
  return kind === ExportFileKind.JSON
    ? readJson(text, start.isWhole)
    : readCsv(text, start.isWhole);
}
