import { setTimeout as sleep } from 'node:timers/promises';

import fc from 'fast-check';

import { comparable, errorCodes, post, type GraphqlResponse } from '../fuzz/responses.js';
import type { GraphqlRequest } from '../fuzz/requests.js';
import { hostile, valid, type Exchange } from './exchanges.js';

/** How many requests wait for an answer at most. */
const CLIENTS = 4;

/** Two of them are the same, made by chance. */
const REQUESTS_A_ROUND = 4;

/** How long an answer may take, in milliseconds, until it counts as none. */
const PATIENCE_MS = 20_000;

/** Mixed traffic to a gateway, each answer of which is judged. */
export class Soak {
  requests = 0;
  /** Answers by their HTTP status, and errors by their code. */
  readonly answers = new Map<string, number>();
  /** What was sent and came back, of each answer that was not right. */
  readonly unexpected: string[] = [];
  #outages = 0;
  #isOut = false;
  readonly #over = new AbortController();

  constructor(
    private readonly origin: string,
    private readonly requestsOf: fc.Arbitrary<() => GraphqlRequest>,
    private readonly options: { readonly seed: number; readonly perSecond: number },
  ) {}

  /** Whether the database is out of reach: meanwhile SERVICE_UNAVAILABLE is right. */
  set isOut(isOut: boolean) {
    if (isOut) this.#outages += 1;
    this.#isOut = isOut;
  }

  end(): void {
    this.#over.abort();
  }

  /** Sends and judges until `end` is called. */
  async run(): Promise<void> {
    await Promise.all([...Array(CLIENTS).keys()].map((client) => this.#runClient(client)));
  }

  async #runClient(client: number): Promise<void> {
    const { seed, perSecond } = this.options;
    for (let round = 0; ; round += 1) {
      const made = fc.sample(this.requestsOf, {
        numRuns: 50,
        seed: seed + client + CLIENTS * round,
      });
      for (const [index, make] of made.entries()) {
        if (this.#over.signal.aborted) return;
        const started = performance.now();
        await this.#fuzz(make());
        await this.#exchange(valid[(index + round) % valid.length]);
        await this.#exchange(hostile[(index + round) % hostile.length]);
        const due = started + (REQUESTS_A_ROUND * CLIENTS * 1_000) / perSecond;
        await sleep(Math.max(0, due - performance.now()));
      }
    }
  }

  /** Asks twice: the first time graphql-js answers, the second time what it was compiled to. */
  async #fuzz(request: GraphqlRequest): Promise<void> {
    const mayBeOut = this.#watchOutages();
    const answers: GraphqlResponse[] = [];
    for (let time = 0; time < 2; time += 1) {
      await this.#judge(JSON.stringify(request), async () => {
        const answer = await post(this.origin, request);
        answers.push(answer);
        this.#count(answer.status, errorCodes(answer));
        return isDefect(answer, mayBeOut()) ? answer : null;
      });
    }
    const [first, second] = answers;
    if (first === undefined || second === undefined || mayBeOut()) return;
    if (comparable(first) === comparable(second)) return;
    this.unexpected.push(
      `${JSON.stringify(request)} received once ${first.text}, then ${second.text}`,
    );
  }

  async #exchange(exchange: Exchange | undefined): Promise<void> {
    if (exchange === undefined) return;
    const { name, path, init, isRight } = exchange;
    const mayBeOut = this.#watchOutages();
    await this.#judge(name, async () => {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const response = await fetch(this.origin + path, { ...init, signal });
      const answer = { status: response.status, text: await response.text() };
      const codes = path === '/graphql' && init.method === 'POST' ? errorCodes(answer) : [];
      this.#count(answer.status, codes);
      if (isRight(answer.status, answer.text)) return null;
      const isUnavailable =
        codes.length > 0 && codes.every((code) => code === 'SERVICE_UNAVAILABLE');
      return isUnavailable && mayBeOut() ? null : answer;
    });
  }

  /** What it gives tells whether the database may have been out of reach since now. */
  #watchOutages(): () => boolean {
    const wasOut = this.#isOut;
    const outages = this.#outages;
    return () => wasOut || outages !== this.#outages;
  }

  /** `send` gives the answer when it is not right. */
  async #judge(what: string, send: () => Promise<GraphqlResponse | null>): Promise<void> {
    this.requests += 1;
    try {
      const wrong = await send();
      if (wrong !== null) this.unexpected.push(`${what} received ${wrong.status} ${wrong.text}`);
    } catch (error) {
      // No answer at all, or one that cannot be read.
      this.unexpected.push(`${what}: ${String(error)}`);
    }
  }

  #count(status: number, codes: readonly string[]): void {
    for (const key of [`HTTP ${status}`, ...codes]) {
      this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
    }
  }
}

/** Whether no request, however it was made, may be answered like this. */
function isDefect(answer: GraphqlResponse, mayBeOut: boolean): boolean {
  const codes = errorCodes(answer);
  if (codes.includes('INTERNAL_SERVER_ERROR') || codes.includes('none')) return true;
  const isUnavailable = codes.includes('SERVICE_UNAVAILABLE') || answer.status === 503;
  if (isUnavailable) return !mayBeOut;
  return answer.status !== 200 && answer.status !== 400;
}
