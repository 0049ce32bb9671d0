import type { FormattedExecutionResult } from 'graphql';

import type { Viewer } from '../auth/viewer.js';
import { GatewayError } from '../errors.js';
import type { PendingExports } from '../exports/live-exports.js';
import type { ExportRow } from '../exports/export.js';
import type { Disclosure } from '../exports/request-links.js';

/** How the results of a subscription reach its client. */
export type Transport = (typeof transports)[number];
export const transports = ['websocket', 'sse', 'multipart'] as const;

/** The result of one event. */
export interface EventResult {
  readonly result: FormattedExecutionResult;
  /** The files whose links and previews it contains. */
  readonly disclosed: Disclosure;
  /** Whether the database could not be read: the event may succeed later. */
  readonly isUnavailable: boolean;
}

/** How a subscription turns the states of exports into results. */
export interface EventExecution {
  /** Resolves when an event may begin. */
  readonly turn: () => Promise<void>;
  /** Returns 0 once the cost of an event is paid, or after how many seconds it could be. */
  readonly pay: () => number;
  /** Resolves to undefined under overload. Never rejects. */
  readonly execute: (row: ExportRow | null) => Promise<EventResult | undefined>;
  /** Called for each result that the transport takes. */
  readonly onSent: () => void;
  /** Called once, when the subscription completes or ends. */
  readonly onEnd: (stream: ResultStream, reason: EndReason) => void;
}

/** Null when the subscription is complete, ABORTED when the client unsubscribed, or an error's code. */
export type EndReason = string | null;

/** Under overload, between attempts to execute an event. */
const RETRY_MS = 250;
/** While the database does not respond. */
const OUTAGE_RETRY_MS = 1_000;
/** Then an event is emitted with its error: what can never be read must not hide the rest. */
const MAX_OUTAGE_RETRIES = 10;

/**
 * The results of one subscription, which its transport asks for one by one: a state that the client
 * is too slow for, or the budget cannot pay for, gives way to a newer one of the same export.
 */
export class ResultStream implements AsyncIterableIterator<FormattedExecutionResult, undefined> {
  /** The files whose links and previews the last result contains. */
  disclosed: Disclosure = { links: [], previews: [] };
  #error: GatewayError | null = null;
  #isClosed = false;
  /** Ends what `next` waits for. */
  #wake: (() => void) | null = null;

  constructor(
    readonly viewer: Viewer,
    readonly transport: Transport,
    private readonly pending: PendingExports,
    private readonly execution: EventExecution,
  ) {}

  /**
   * Resolves to the next result, and to none once the subscription has completed or is unsubscribed.
   * Throws a GatewayError when the stream ends before: UNAUTHENTICATED, or SERVICE_UNAVAILABLE where
   * the client shall subscribe again. Must be called again only when it has settled.
   */
  async next(): Promise<IteratorResult<FormattedExecutionResult, undefined>> {
    try {
      const event = await this.#nextEvent();
      if (this.#error !== null) throw this.#error;
      if (event === null) {
        this.#close(null);
        return { done: true, value: undefined };
      }
      this.disclosed = event.disclosed;
      this.execution.onSent();
      return { done: false, value: event.result };
    } catch (error) {
      const isExpected = error instanceof GatewayError;
      this.#close(isExpected ? error.extensions.code : 'INTERNAL_SERVER_ERROR');
      throw error;
    }
  }

  /** Unsubscribes; a `next` that waits resolves to no result. */
  return(): Promise<IteratorResult<FormattedExecutionResult, undefined>> {
    this.#close('ABORTED');
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Makes `next` throw, also one that waits. */
  end(error: GatewayError): void {
    this.#error ??= error;
    this.#close(error.extensions.code);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #nextEvent(): Promise<EventResult | null> {
    while (await this.pending.ready()) {
      await this.execution.turn();
      await this.#pay();
      // The newest state: while the subscription could not pay, it may have changed.
      const row = this.#isClosed ? undefined : this.pending.take();
      if (row === undefined) continue;
      const event = await this.#execute(row);
      if (event !== undefined) return event;
    }
    return null;
  }

  async #pay(): Promise<void> {
    let seconds: number;
    while (!this.#isClosed && (seconds = this.execution.pay()) > 0)
      await this.#pause(seconds * 1_000);
  }

  async #execute(row: ExportRow | null): Promise<EventResult | undefined> {
    let retries = 0;
    while (!this.#isClosed) {
      const event = await this.#unlessClosed(this.execution.execute(row));
      if (event === undefined) await this.#pause(RETRY_MS);
      else if (event.isUnavailable && ++retries <= MAX_OUTAGE_RETRIES) {
        await this.#pause(OUTAGE_RETRY_MS);
      } else return event;
    }
    return undefined;
  }

  /** Resolves to undefined once the subscription is closed: its client shall not wait. */
  async #unlessClosed<Result>(work: Promise<Result>): Promise<Result | undefined> {
    const closed = new Promise<undefined>((resolve) => {
      this.#wake = () => {
        resolve(undefined);
      };
    });
    const result = await Promise.race([work, closed]);
    // It would keep the result in memory until the next one.
    this.#wake = null;
    return result;
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }

  #close(reason: EndReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.pending.close();
    this.#wake?.();
    this.execution.onEnd(this, reason);
  }
}
