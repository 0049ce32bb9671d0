import { isDeepStrictEqual } from 'node:util';

import type { Logger } from './logger.js';
import { RemoteValue } from './remote-value.js';

/** Files are read at most this often, whatever clients send. */
const MIN_AGE_MS = 1_000;

/** A value from files that may change while the gateway runs. */
export class RenewableValue<Value> {
  #current: Value;
  readonly #files: RemoteValue<void> | null;

  /** `read` returns what the files hold now; null for a value that is not from files. */
  constructor(
    initial: Value,
    read: (() => Promise<Value>) | null,
    { name, logger }: { /** In log lines, in the plural. */ name: string; logger: Logger },
  ) {
    this.#current = initial;
    const renew = async (from: () => Promise<Value>) => {
      const value = await from();
      if (isDeepStrictEqual(value, this.#current)) return;
      this.#current = value;
      logger.info(`${name} have changed.`);
    };
    this.#files = read && new RemoteValue(() => renew(read), { name, logger });
  }

  get current(): Value {
    return this.#current;
  }

  /** Reads the files again. Keeps the value when that fails, and logs one line until it succeeds. */
  async renew(): Promise<void> {
    if (this.#files === null || this.#files.age < MIN_AGE_MS) return;
    await this.#files.reload().catch(() => undefined);
  }

  /** Whether the files hold another value than the one that was used in vain. */
  async isOutdated(used: Value): Promise<boolean> {
    if (this.#current === used) await this.renew();
    return this.#current !== used;
  }
}
