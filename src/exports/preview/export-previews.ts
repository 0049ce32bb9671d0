import { LRUCache } from 'lru-cache';

import { FairSemaphore } from '../../database/fair-semaphore.js';
import { withDeadline } from '../../deadline.js';
import { PreviewUnavailableError, RequestAbandonedError, toError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { FileReader, FileStart } from '../../storage/file-reader.js';
import type { ExportFileRow } from '../export-file.js';
import { readPreviewTable } from './preview-table.js';
import { ExportFilePreview, type PreviewTable } from './export-preview.js';

const MAX_BYTES = 256 * 1024;
/** For a read with its wait for others, and for what it takes to parse what was read. */
const TIMEOUT_MS = 2_000;
/** A read that is aborted sooner began late: it says nothing about the storage. */
const SLOW_READ_MS = 1_000;
const MAX_CONCURRENT_READS = 16;
const MAX_CACHED_BYTES = 16 * 1024 * 1024;
const KEY_BYTES = 2_000;
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
  /** How many reads each organization waits for. */
  readonly #waiting = new Map<string, number>();
  /** Organizations of which a read has taken too long, until one ends in time. */
  readonly #unresponsive = new Set<string>();
  /** Parsing one file at a time keeps the turns of the event loop short. */
  readonly #parsing = new FairSemaphore(1);
  /** `false` stands for a file without a preview. */
  readonly #cache = new LRUCache<string, PreviewTable | false>({
    maxSize: MAX_CACHED_BYTES,
    sizeCalculation: (table) => KEY_BYTES + 2 * JSON.stringify(table).length,
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
    const waiting = this.#waiting.get(organization) ?? 0;
    // One read at a time finds out when the storage responds again: while others waited, the gateway
    // could not serve other requests in their place.
    if (this.#unresponsive.has(organization) && waiting > 0) throw new PreviewUnavailableError();
    this.#waiting.set(organization, waiting + 1);
    const startedAt = performance.now();
    const report = (outcome: PreviewReadOutcome) => {
      this.options.onRead({ outcome, seconds: (performance.now() - startedAt) / 1_000 });
    };
    const aborter = new AbortController();
    try {
      const work = this.#readAndParse(file, origins, aborter.signal);
      const [outcome, table] = await withDeadline(work, TIMEOUT_MS);
      report(outcome);
      if (table === null) {
        const { exportId, kind } = file;
        this.options.logger.warn({ exportId, kind, outcome }, 'A file has no preview');
      }
      return table;
    } catch (error) {
      if (error instanceof RequestAbandonedError) throw error;
      report('failure');
      throw new PreviewUnavailableError({ cause: toError(error) });
    } finally {
      aborter.abort();
      const left = (this.#waiting.get(organization) ?? 1) - 1;
      if (left > 0) this.#waiting.set(organization, left);
      else this.#waiting.delete(organization);
    }
  }

  async #readAndParse(
    file: ExportFileRow,
    origins: readonly PreviewOrigin[],
    signal: AbortSignal,
  ): Promise<readonly [PreviewReadOutcome, PreviewTable | null]> {
    const [{ organization } = { organization: '' }] = origins;
    return this.#permits.run(organization, async () => {
      signal.throwIfAborted();
      if (origins.every(({ isAbandoned }) => isAbandoned)) throw new RequestAbandonedError();
      const start = await this.#readStart(file, organization, signal);
      if (start === null) return ['missing', null];
      // With the permit of the read, which bounds what is in memory.
      const table = await this.#parsing.run(organization, async () => {
        signal.throwIfAborted();
        return readPreviewTable(file.kind, start);
      });
      return [table === null ? 'unreadable' : 'success', table];
    });
  }

  async #readStart(
    file: ExportFileRow,
    organization: string,
    signal: AbortSignal,
  ): Promise<FileStart | null> {
    const startedAt = performance.now();
    // Not by the end of the read, because reads of a network file system may never end.
    const onAbort = () => {
      if (performance.now() - startedAt >= SLOW_READ_MS) this.#unresponsive.add(organization);
    };
    signal.addEventListener('abort', onAbort);
    try {
      return await this.reader.readStart(file, MAX_BYTES, signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      if (!signal.aborted) this.#unresponsive.delete(organization);
    }
  }
}
