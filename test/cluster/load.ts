import { setTimeout as wait } from 'node:timers/promises';

/** How many ask at the same time, each as soon as he has his answer. */
const ASKERS = 16;
/** Nobody waits longer, and whoever has to is counted as an error. */
const PATIENCE_MS = 10_000;

interface Phase {
  readonly name: string;
  readonly startedAt: number;
  readonly times: number[];
  readonly errors: Map<string, number>;
}

/** People who ask a gateway again and again, and what they were told, phase by phase. */
export class Load {
  readonly phases: Phase[] = [];
  private asked = 0;
  private isOver = false;
  private readonly askers: Promise<void>[];

  /** `queryOf` gives the query of each request by its number, and `isRight` tells whether its answer is what it should be. */
  constructor(
    private readonly origin: string,
    private readonly queryOf: (count: number) => string,
    private readonly isRight: (data: unknown, count: number) => boolean,
  ) {
    this.begin('all nodes are there');
    this.askers = [...Array(ASKERS).keys()].map(() => this.keepAsking());
  }

  /** What is answered from now on counts for another phase. */
  begin(name: string): void {
    this.phases.push({ name, startedAt: performance.now(), times: [], errors: new Map() });
    process.stdout.write(`${name} …\n`);
  }

  /** Lets a phase be as long as it takes to see how it goes. */
  async goOn(ms: number): Promise<void> {
    await wait(ms);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.askers);
  }

  /** One line a phase. */
  report(): string {
    const end = performance.now();
    const lines = this.phases.map(({ name, startedAt, times, errors }, index) => {
      const seconds = ((this.phases[index + 1]?.startedAt ?? end) - startedAt) / 1_000;
      const sorted = times.toSorted((a, b) => a - b);
      const at = (share: number) => Math.round(sorted[Math.floor(share * sorted.length)] ?? NaN);
      return [
        name.padEnd(22),
        seconds.toFixed(1).padStart(6),
        String(times.length).padStart(9),
        String(at(0.5)).padStart(8),
        String(at(0.99)).padStart(8),
        String(Math.round(sorted.at(-1) ?? NaN)).padStart(8),
        [...errors].map(([code, count]) => `${count} ${code}`).join(', ') || '0',
      ].join('  ');
    });
    const head = ''.padEnd(22) + '       s    answers    p50 ms    p99 ms    max ms  errors';
    return [head, ...lines].join('\n');
  }

  get errors(): number {
    return this.phases.flatMap(({ errors }) => [...errors.values()]).reduce((a, b) => a + b, 0);
  }

  private async keepAsking(): Promise<void> {
    while (!this.isOver) {
      const start = performance.now();
      const error = await this.ask(this.asked++);
      const phase = this.phases.at(-1);
      phase?.times.push(performance.now() - start);
      if (error !== null) phase?.errors.set(error, (phase.errors.get(error) ?? 0) + 1);
    }
  }

  /** What was wrong with an answer; null: nothing. */
  private async ask(count: number): Promise<string | null> {
    try {
      const response = await fetch(`${this.origin}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: this.queryOf(count) }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const { data, errors } = (await response.json()) as {
        data: unknown;
        errors?: { extensions: { code: string } }[];
      };
      if (errors !== undefined) return errors[0]?.extensions.code ?? 'an error without a code';
      return this.isRight(data, count) ? null : 'a wrong answer';
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    }
  }
}
