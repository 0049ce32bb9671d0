import { Histogram, type HistogramConfiguration } from 'prom-client';

/** What was observed under one set of labels. */
interface Series<Label extends string> {
  readonly labels: Readonly<Record<Label, string | number>>;
  /** How many fell into each bucket, and at the end those above the last. */
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram of prom-client that counts by itself: the library looks at all labels with every observation, which took a tenth of the time
 * of a list of ten. Here a set of labels is found by a key.
 */
export class KeyedHistogram<Label extends string> extends Histogram<Label> {
  readonly #series = new Map<string, Series<Label>>();
  readonly #name: string;
  readonly #help: string;
  readonly #buckets: readonly number[];

  constructor(config: HistogramConfiguration<Label> & { buckets: number[] }) {
    super(config);
    this.#name = config.name;
    this.#help = config.help;
    this.#buckets = config.buckets;
  }

  /** Observes a value, in the labels' unit of measure. A key stands for the same labels always; they are asked for the first time. */
  count(key: string, value: number, labels: () => Series<Label>['labels']): void {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = {
        labels: labels(),
        counts: Array<number>(this.#buckets.length + 1).fill(0),
        sum: 0,
      };
      this.#series.set(key, series);
    }
    let bucket = 0;
    for (const bound of this.#buckets) {
      if (value <= bound) break;
      bucket++;
    }
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += value;
  }

  /** What prom-client asks every metric for. */
  async getForPromString(): Promise<object> {
    const values = [...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let count = 0;
      const buckets = [...this.#buckets, '+Inf'].map((le, at) => ({
        metricName: `${this.#name}_bucket`,
        labels: { ...labels, le },
        value: (count += counts[at] ?? 0),
      }));
      return [
        ...buckets,
        { metricName: `${this.#name}_sum`, labels, value: sum },
        { metricName: `${this.#name}_count`, labels, value: count },
      ];
    });
    return { name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }
}
