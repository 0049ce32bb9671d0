import { Histogram, type HistogramConfiguration } from 'prom-client';

/** The observations with one set of labels. */
interface Series<Label extends string> {
  readonly labels: Readonly<Record<Label, string | number>>;
  /** By bucket, not cumulative; the last one counts values above every bound. */
  readonly counts: number[];
  sum: number;
}

/** Takes the key of a series from the caller, because prom-client hashes all labels each time. */
export class KeyedHistogram<Label extends string> extends Histogram<Label> {
  readonly #series = new Map<string, Series<Label>>();
  readonly #config: HistogramConfiguration<Label>;
  readonly #bounds: readonly number[];

  constructor(config: HistogramConfiguration<Label> & { buckets: number[] }) {
    super(config);
    this.#config = config;
    this.#bounds = config.buckets;
  }

  /** Equal keys stand for equal labels. */
  observeByKey(key: string, labels: Series<Label>['labels'], value: number): void {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, counts: Array<number>(this.#bounds.length + 1).fill(0), sum: 0 };
      this.#series.set(key, series);
    }
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Infinity)) bucket++;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += value;
  }

  /** prom-client calls this to write the metric. */
  async getForPromString() {
    const { name, help } = this.#config;
    const values = [...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let count = 0;
      const buckets = [...this.#bounds, '+Inf'].map((le, index) => ({
        metricName: `${name}_bucket`,
        labels: { ...labels, le },
        value: (count += counts[index] ?? 0),
      }));
      const total = { metricName: `${name}_sum`, labels, value: sum };
      return [...buckets, total, { metricName: `${name}_count`, labels, value: count }];
    });
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
}
