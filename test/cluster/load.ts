import { isDeepStrictEqual } from 'node:util';

import { postQuery } from '../support/exports-server.js';

const CLIENTS = 16;

interface Phase {
  readonly name: string;
  readonly startedAt: number;
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
    this.phases.push({ name, startedAt: performance.now(), times: [], errors: [] });
    process.stdout.write(`${name} …\n`);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.clients);
  }

  get errors(): readonly string[] {
    return this.phases.flatMap(({ errors }) => errors);
  }

  /** One line for each phase. */
  report(): string {
    const rows = this.phases.map(({ name, startedAt, times, errors }, index) => {
      const end = this.phases[index + 1]?.startedAt ?? performance.now();
      const sorted = times.map((ms) => Math.round(ms)).toSorted((a, b) => a - b);
      const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
      const failed = `${errors.length} ${[...new Set(errors)].join()}`;
      const seconds = ((end - startedAt) / 1_000).toFixed(1);
      return [name.padEnd(20), seconds, sorted.length, at(0.5), at(0.99), at(1), failed];
    });
    const head = ['phase'.padEnd(20), 's', 'responses', 'p50 ms', 'p99 ms', 'max ms', 'errors'];
    const lines = [head, ...rows].map((row) => row.map((cell) => String(cell).padStart(9)));
    return lines.map((cells) => cells.join(' ')).join('\n');
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
