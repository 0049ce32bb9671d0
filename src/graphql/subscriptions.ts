import {
  GatewayClosingError,
  TooManySubscriptionsError,
  UnauthenticatedError,
  type GatewayError,
} from '../errors.js';
import { transports, type ResultStream, type Transport } from './result-stream.js';

/** A revoked key ends its subscriptions after this and the time for which its lookup stays valid. */
const REVALIDATION_INTERVAL_MS = 10_000;
const EXPIRY_INTERVAL_MS = 1_000;
/** Each may be a lookup in the database. */
const MAX_CONCURRENT_REVALIDATIONS = 50;

interface SubscriptionLimits {
  readonly max: number;
  readonly maxOfOrganization: number;
}

/** The open subscriptions of the process. */
export class Subscriptions {
  readonly #streams = new Set<ResultStream>();
  readonly #ofTransport = new Map<Transport, number>(transports.map((each) => [each, 0]));
  readonly #ofOrganization = new Map<string, number>();
  #isClosing = false;
  #timers: NodeJS.Timeout[] = [];
  #isRevalidating = false;

  constructor(private readonly limits: SubscriptionLimits) {}

  /** Throws the error of a client that cannot subscribe now. */
  checkRoom(organization: string): void {
    const { max, maxOfOrganization } = this.limits;
    if (this.#isClosing) throw new GatewayClosingError();
    if (this.#streams.size >= max) {
      throw new TooManySubscriptionsError(`This gateway serves ${max} subscriptions at most`);
    }
    if ((this.#ofOrganization.get(organization) ?? 0) >= maxOfOrganization) {
      const limit = `This gateway serves ${maxOfOrganization} subscriptions of an organization at most`;
      throw new TooManySubscriptionsError(limit);
    }
  }

  add(stream: ResultStream): void {
    this.#streams.add(stream);
    this.#count(stream, 1);
    if (this.#timers.length > 0) return;
    this.#timers = [
      setInterval(() => {
        this.#endExpired();
      }, EXPIRY_INTERVAL_MS).unref(),
      setInterval(() => void this.#revalidate(), REVALIDATION_INTERVAL_MS).unref(),
    ];
  }

  remove(stream: ResultStream): void {
    if (!this.#streams.delete(stream)) return;
    this.#count(stream, -1);
    if (this.#streams.size > 0) return;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  /** How many there are, by transport. */
  get counts(): ReadonlyMap<Transport, number> {
    return this.#ofTransport;
  }

  /** Ends all of them, so that their clients subscribe elsewhere, and admits no further one. */
  endAll(): void {
    this.#isClosing = true;
    this.#end(new GatewayClosingError(), this.#streams);
  }

  #end(error: GatewayError, streams: Iterable<ResultStream>): void {
    for (const stream of [...streams]) stream.end(error);
  }

  #count({ transport, viewer: { organization } }: ResultStream, change: 1 | -1): void {
    this.#ofTransport.set(transport, (this.#ofTransport.get(transport) ?? 0) + change);
    const count = (this.#ofOrganization.get(organization) ?? 0) + change;
    if (count === 0) this.#ofOrganization.delete(organization);
    else this.#ofOrganization.set(organization, count);
  }

  #endExpired(): void {
    const now = Date.now();
    for (const stream of this.#streams) {
      if (stream.viewer.expiresAt <= now) void this.#check(stream);
    }
  }

  async #revalidate(): Promise<void> {
    if (this.#isRevalidating) return;
    this.#isRevalidating = true;
    const streams = [...this.#streams];
    while (streams.length > 0) {
      const some = streams.splice(-MAX_CONCURRENT_REVALIDATIONS);
      await Promise.all(some.map((stream) => this.#check(stream)));
    }
    this.#isRevalidating = false;
  }

  async #check(stream: ResultStream): Promise<void> {
    try {
      await stream.viewer.revalidate();
    } catch (error) {
      // Any other error leaves open whether the credentials are valid.
      if (error instanceof UnauthenticatedError) stream.end(error);
    }
  }
}
