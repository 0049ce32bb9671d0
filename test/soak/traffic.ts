import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';

import { errorCodes } from '../fuzz/responses.js';
import { graphql, invalid, valid, type Exchange } from './exchanges.js';

/** The number of concurrent requests. */
const CLIENTS = 4;
const REQUESTS_PER_ROUND = 3;
const RESPONSE_TIMEOUT_MS = 20_000;

/** Sends mixed requests to a gateway and checks every response. */
export class Traffic {
  requests = 0;
  /** The number of responses by HTTP status and by error code. */
  readonly responses = new Map<string, number>();
  /** Descriptions of unexpected and missing responses. */
  readonly unexpected: string[] = [];
  #outages = 0;
  #isDatabaseDown = false;
  #isStopped = false;

  constructor(
    private readonly origin: string,
    private readonly generated: fc.Arbitrary<() => object>,
    private readonly options: { readonly seed: number; readonly perSecond: number },
  ) {}

  /** Requests that overlap with an outage may fail with SERVICE_UNAVAILABLE. */
  set isDatabaseDown(isDown: boolean) {
    if (isDown) this.#outages += 1;
    this.#isDatabaseDown = isDown;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves after `stop`. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => this.#runClient(client)));
  }

  async #runClient(client: number): Promise<void> {
    const roundMs = (REQUESTS_PER_ROUND * CLIENTS * 1_000) / this.options.perSecond;
    for (let batch = 0; ; batch += 1) {
      const seed = this.options.seed + client + CLIENTS * batch;
      for (const [index, generate] of fc.sample(this.generated, { numRuns: 50, seed }).entries()) {
        if (this.#isStopped) return;
        const end = performance.now() + roundMs;
        const request = generate();
        await this.#send(graphql(JSON.stringify(request), request, isPossible));
        await this.#send(valid[(index + batch) % valid.length]);
        await this.#send(invalid[(index + batch) % invalid.length]);
        await sleep(Math.max(0, end - performance.now()));
      }
    }
  }

  async #send(exchange: Exchange | undefined): Promise<void> {
    if (exchange === undefined) return;
    const { name, path, init, isExpected } = exchange;
    // An outage that began before or during the request excuses its failure.
    const [wasDown, outages] = [this.#isDatabaseDown, this.#outages];
    this.requests += 1;
    try {
      const signal = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
      const response = await fetch(this.origin + path, { ...init, signal });
      const { status } = response;
      const text = await response.text();
      const codes = init.method === 'POST' ? errorCodes({ status, text }) : [];
      for (const key of [`HTTP ${status}`, ...codes])
        this.responses.set(key, (this.responses.get(key) ?? 0) + 1);
      const isUnavailable = codes.includes('SERVICE_UNAVAILABLE') && !codes.some(isDefect);
      const isExcused = isUnavailable && (wasDown || outages !== this.#outages);
      if (!isExpected(status, text) && !isExcused)
        this.unexpected.push(`${name} received ${status} ${text}`);
    } catch (error) {
      this.unexpected.push(`${name}: ${String(error)}`);
    }
  }
}

const isDefect = (code: string) => code === 'INTERNAL_SERVER_ERROR' || code === 'none';

/** Whether a generated request may receive this response while the database is available. */
function isPossible(status: number, text: string): boolean {
  const codes = errorCodes({ status, text });
  if (codes.some(isDefect) || codes.includes('SERVICE_UNAVAILABLE')) return false;
  return status === 200 || status === 400;
}
