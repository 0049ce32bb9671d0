import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';

import { comparable, errorCodes } from '../fuzz/responses.js';
import { graphql, invalid, valid, type Exchange } from './exchanges.js';

/** The number of concurrent requests. */
const CLIENTS = 4;
const REQUESTS_PER_ROUND = 4;
const RESPONSE_TIMEOUT_MS = 20_000;

interface Response {
  readonly status: number;
  readonly text: string;
}

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
        await this.#sendTwice(generate());
        await this.#send(valid[(index + batch) % valid.length]);
        await this.#send(invalid[(index + batch) % invalid.length]);
        await sleep(Math.max(0, end - performance.now()));
      }
    }
  }

  /** graphql-js executes a new document, and the compiled operation executes it the second time. */
  async #sendTwice(request: object): Promise<void> {
    const name = JSON.stringify(request);
    const exchange = graphql(name, request, isPossible);
    const overlapsOutage = this.#watchOutages();
    const [first, second] = [await this.#send(exchange), await this.#send(exchange)];
    if (first === undefined || second === undefined || overlapsOutage()) return;
    if (comparable(first) !== comparable(second))
      this.unexpected.push(`${name} received ${first.text} and then ${second.text}`);
  }

  /** Returns the response when it is complete. */
  async #send(exchange: Exchange | undefined): Promise<Response | undefined> {
    if (exchange === undefined) return undefined;
    const { name, path, init, isExpected } = exchange;
    const overlapsOutage = this.#watchOutages();
    this.requests += 1;
    try {
      const signal = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
      const fetched = await fetch(this.origin + path, { ...init, signal });
      const response = { status: fetched.status, text: await fetched.text() };
      const codes = init.method === 'POST' ? errorCodes(response) : [];
      for (const key of [`HTTP ${response.status}`, ...codes])
        this.responses.set(key, (this.responses.get(key) ?? 0) + 1);
      const isUnavailable = codes.includes('SERVICE_UNAVAILABLE') && !codes.some(isDefect);
      if (!isExpected(response.status, response.text) && !(isUnavailable && overlapsOutage()))
        this.unexpected.push(`${name} received ${response.status} ${response.text}`);
      return response;
    } catch (error) {
      this.unexpected.push(`${name}: ${String(error)}`);
      return undefined;
    }
  }

  /** The returned function reports whether the database has been down since the call. */
  #watchOutages(): () => boolean {
    const [wasDown, outages] = [this.#isDatabaseDown, this.#outages];
    return () => wasDown || outages !== this.#outages;
  }
}

const isDefect = (code: string) => code === 'INTERNAL_SERVER_ERROR' || code === 'none';

/** Whether a generated request may receive this response while the database is available. */
function isPossible(status: number, text: string): boolean {
  const codes = errorCodes({ status, text });
  if (codes.some(isDefect) || codes.includes('SERVICE_UNAVAILABLE')) return false;
  return status === 200 || status === 400;
}
