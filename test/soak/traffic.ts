import { setTimeout as sleep } from 'node:timers/promises';

import { errorCodes } from '../fuzz/responses.js';
import { isDefect, type Exchange } from './exchanges.js';

const RESPONSE_TIMEOUT_MS = 20_000;

interface TrafficOptions {
  /** The number of concurrent requests. */
  readonly clients: number;
  /** The maximum of all clients. */
  readonly perSecond?: number;
}

/** Clients that send requests to a gateway, without end, and check every response. */
export class Traffic {
  /** Descriptions of unexpected and missing responses. */
  readonly unexpected: string[] = [];
  /** The number of responses by HTTP status and by error code. */
  readonly #responses = new Map<string, number>();
  readonly #running: Promise<unknown>;
  #requests = 0;
  #slowestMs = 0;
  #outages = 0;
  #isDatabaseDown = false;
  #isStopped = false;

  constructor(
    private readonly origin: string,
    private readonly exchanges: Iterable<Exchange>,
    { clients, perSecond = Infinity }: TrafficOptions,
  ) {
    const run = () => this.#runClient((clients * 1_000) / perSecond);
    this.#running = Promise.all(Array.from({ length: clients }, run));
  }

  /** Requests that overlap with an outage may fail with SERVICE_UNAVAILABLE. */
  set isDatabaseDown(isDown: boolean) {
    if (isDown) this.#outages += 1;
    this.#isDatabaseDown = isDown;
  }

  /** Resolves to a report after the last response. */
  async stop(): Promise<string[]> {
    this.#isStopped = true;
    await this.#running;
    return [
      `Requests: ${this.#requests}, the slowest in ${Math.round(this.#slowestMs)} ms`,
      ...[...this.#responses].map(([key, count]) => `  ${key}: ${count}`).sort(),
      `Unexpected responses: ${this.unexpected.length}`,
      ...this.unexpected.slice(0, 10).map((each) => `  ${each.slice(0, 1_000)}`),
    ];
  }

  async #runClient(intervalMs: number): Promise<void> {
    for (const exchange of this.exchanges) {
      if (this.#isStopped) return;
      const start = performance.now();
      await this.#send(exchange);
      const duration = performance.now() - start;
      this.#slowestMs = Math.max(this.#slowestMs, duration);
      await sleep(Math.max(0, intervalMs - duration));
    }
  }

  async #send({ name, path, init, isExpected }: Exchange): Promise<void> {
    // An outage that began before or during the request excuses its failure.
    const [wasDown, outages] = [this.#isDatabaseDown, this.#outages];
    this.#requests += 1;
    try {
      const signal = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
      const response = await fetch(this.origin + path, { ...init, signal });
      const { status } = response;
      const text = await response.text();
      const codes = init.method === 'POST' ? errorCodes({ status, text }) : [];
      for (const key of [`HTTP ${status}`, ...codes])
        this.#responses.set(key, (this.#responses.get(key) ?? 0) + 1);
      const isUnavailable = codes.includes('SERVICE_UNAVAILABLE') && !codes.some(isDefect);
      const isExcused = isUnavailable && (wasDown || outages !== this.#outages);
      if (!isExpected(status, text) && !isExcused)
        this.unexpected.push(`${name} received ${status} ${text}`);
    } catch (error) {
      this.unexpected.push(`${name}: ${String(error)}`);
    }
  }
}
