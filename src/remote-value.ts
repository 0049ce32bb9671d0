import { withDeadline } from './deadline.js';
import { toError } from './errors.js';
import type { Logger } from './logger.js';

/** No caller waits longer for another service. */
export const REMOTE_TIMEOUT_MS = 2_000;
/** After a failure, callers fail at once for this long: waiting in turn would stall each of them. */
const RETRY_INTERVAL_MS = 5_000;

export interface RemoteValueOptions {
  /** What is loaded, in log lines and in the plural. */
  readonly name: string;
  readonly logger: Logger;
  readonly timeoutMs?: number;
  readonly onLoaded?: (isSuccess: boolean) => void;
}

/**
 * A value that another service provides, which may fail or hang. Concurrent callers share a load.
 * `load` keeps the value for its owner, also when it comes after the deadline.
 */
export class RemoteValue<Value> {
  #loadedAt = -Infinity;
  #loading: Promise<Value> | null = null;
  #failure: { readonly error: Error; readonly at: number } | null = null;

  constructor(
    private readonly load: () => Promise<Value>,
    /** `isLoaded`: the owner has just loaded the value. */
    private readonly options: RemoteValueOptions & { readonly isLoaded?: boolean },
  ) {
    if (options.isLoaded === true) this.#loadedAt = Date.now();
  }

  /** Since the value was loaded, in milliseconds. Infinity before. */
  get age(): number {
    return Date.now() - this.#loadedAt;
  }

  /** Rejects with the error of the load, at the deadline, or at once soon after a failure. */
  reload(): Promise<Value> {
    const failure = this.#failure;
    if (failure !== null && Date.now() - failure.at < RETRY_INTERVAL_MS) {
      return Promise.reject(failure.error);
    }
    this.#loading ??= this.#attempt().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** Reloads a value that stays usable: does not reject, and does not wait while loads fail. */
  async refresh(): Promise<void> {
    const wasFailing = this.#failure !== null;
    const reloaded = this.reload().catch(() => undefined);
    if (!wasFailing) await reloaded;
  }

  async #attempt(): Promise<Value> {
    const { timeoutMs = REMOTE_TIMEOUT_MS, onLoaded } = this.options;
    // A value that comes after the deadline counts, too.
    const loaded = this.load().then((value) => this.#succeed(value));
    try {
      const value = await withDeadline(loaded, timeoutMs);
      onLoaded?.(true);
      return value;
    } catch (error) {
      this.#fail(toError(error));
      onLoaded?.(false);
      throw error;
    }
  }

  #succeed(value: Value): Value {
    if (this.#failure !== null) this.options.logger.info(`${this.options.name} are loaded again.`);
    this.#failure = null;
    this.#loadedAt = Date.now();
    return value;
  }

  #fail(error: Error): void {
    // One line an outage, not one a retry.
    if (this.#failure === null) {
      this.options.logger.warn({ err: error }, `${this.options.name} cannot be loaded`);
    }
    this.#failure = { error, at: Date.now() };
  }
}
