import { type Aggregator, Counter, Gauge, type Metric, type Registry } from 'prom-client';
import type { BucketCounts } from './bucket-counts.ts';

/** Name, meaning and labels of a metric. */
export interface MetricDescription<Label extends string> {
  name: string;
  help: string;
  labelNames: readonly Label[];
}

/** The labels of one series, and its value. */
export interface Sample<Label extends string, Value> {
  labels: Record<Label, string>;
  value: Value;
}

type Pull<Label extends string, Value> = () => Iterable<Sample<Label, Value>>;

/** A counter whose series are read when it is scraped: a series that nobody names any more is gone. */
export function addCounter<Label extends string>(
  registry: Registry,
  description: MetricDescription<Label>,
  pull: Pull<Label, number>,
): void {
  new Counter({
    ...description,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of pull()) this.inc(labels, value);
    },
  });
}

/** The same as a gauge; those of several processes are added unless `aggregator` says otherwise. */
export function addGauge<Label extends string>(
  registry: Registry,
  description: MetricDescription<Label> & { aggregator?: Aggregator },
  pull: Pull<Label, number>,
): void {
  new Gauge({
    ...description,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of pull()) this.set(labels, value);
    },
  });
}

/** The same as a histogram. */
export function addHistogram<Label extends string>(
  registry: Registry,
  { name, help, labelNames }: MetricDescription<Label>,
  pull: Pull<Label, BucketCounts>,
): void {
  const get = async (): Promise<object> => {
    const values = [...pull()].flatMap((sample) => histogramValues(name, sample));
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  };
  // What the registry needs of a metric: its own histograms take single observations only, no counts.
  registry.registerMetric({ name, labelNames, get } as unknown as Metric);
}

/** The cumulative buckets, the sum and the count of one series, as the text format has them. */
function histogramValues(name: string, { labels, value }: Sample<string, BucketCounts>): object[] {
  let below = 0;
  const buckets = [...value.bounds, '+Inf'].map((le, index) => {
    below += value.counts[index] as number;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: value.sum },
    { metricName: `${name}_count`, labels, value: value.count },
  ];
}
