import { isDeepStrictEqual } from 'node:util';

import { postQuery } from '../support/exports-server.js';

const CLIENTS = 16;

interface Phase {
  readonly name: string;
  /** In milliseconds. */
  readonly times: number[];
  readonly errors: string[];
}

/** Clients that send query after query, and the times and errors of each phase. */
export class Load {
  private readonly phases: Phase[] = [];
  private readonly clients: Promise<void>[];
  private sent = 0;
  private isOver = false;

  constructor(
    private readonly origin: string,
    /** The query of the request with this number, and its expected data. */
    private readonly request: { query: (count: number) => string; data: (count: number) => object },
  ) {
    this.begin('all nodes are up');
    this.clients = Array.from({ length: CLIENTS }, () => this.sendQueries());
  }

  begin(name: string): void {
    this.phases.push({ name, times: [], errors: [] });
    console.log(`${name} …`);
  }

  /** Ends the load, prints a table of the phases, and returns all errors. */
  async end(): Promise<string[]> {
    this.isOver = true;
    await Promise.all(this.clients);
    const rows = this.phases.map(({ name, times, errors }) => {
      const sorted = times.map(Math.round).toSorted((a, b) => a - b);
      const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
      const percentiles = { 'p50 ms': at(0.5), 'p99 ms': at(0.99), 'max ms': at(1) };
      const failures = { errors: errors.length, codes: [...new Set(errors)].join() };
      return [name, { responses: sorted.length, ...percentiles, ...failures }];
    });
    console.table(Object.fromEntries(rows));
    return this.phases.flatMap(({ errors }) => errors);
  }

  private async sendQueries(): Promise<void> {
    while (!this.isOver) {
      const start = performance.now();
      const error = await this.send(this.sent++);
      const phase = this.phases.at(-1);
      phase?.times.push(performance.now() - start);
      if (error !== null) phase?.errors.push(error);
    }
  }

  /** Returns the error code; null for a correct response. */
  private async send(count: number): Promise<string | null> {
    try {
      const query = this.request.query(count);
      const { data, code } = await postQuery(this.origin, query, { timeoutMs: 10_000 });
      const isCorrect = isDeepStrictEqual(data, this.request.data(count));
      return code ?? (isCorrect ? null : 'INCORRECT_RESPONSE');
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    }
  }
}
