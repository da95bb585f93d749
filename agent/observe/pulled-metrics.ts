import type { Aggregator, Metric, Registry } from 'prom-client';
import type { BucketCounts } from './bucket-counts.ts';

/** Name, meaning and labels of a metric. */
export interface MetricDescription<Label extends string> {
  name: string;
  help: string;
  labelNames: readonly Label[];
  /** How the values of several processes become one: added, unless this says otherwise. */
  aggregator?: Aggregator;
}

/** The labels of one series, and its value. No two series of a metric have the same labels. */
export interface Sample<Label extends string, Value> {
  labels: Record<Label, string>;
  value: Value;
}

type Pull<Label extends string, Value> = () => Iterable<Sample<Label, Value>>;

/** A value as prom-client has it; those of a histogram say which of its series they are of. */
interface ToldValue {
  labels: Record<string, string | number>;
  value: number;
  metricName?: string;
}

/** A metric as prom-client's tell theirs. */
export interface ToldMetric {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  aggregator: Aggregator;
  values: ToldValue[];
}

/** How the values of a metric are told: as prom-client has them, and as lines of the text format. */
interface MetricForm<Value> {
  type: ToldMetric['type'];
  values(name: string, sample: Sample<string, Value>): ToldValue[];
  lines(name: string, series: string, value: Value): string;
}

/**
 * A metric whose series are read when it is scraped: a series that nobody names any more is gone. It writes its text
 * itself, in a tenth of the time that prom-client takes for it: docs/decisions/0023-observability.md has the numbers.
 */
export class PulledMetric<Value = unknown> {
  readonly name: string;
  readonly labelNames: readonly string[];
  readonly #description: MetricDescription<string>;
  readonly #form: MetricForm<Value>;
  readonly #pull: Pull<string, Value>;

  constructor(description: MetricDescription<string>, form: MetricForm<Value>, pull: Pull<string, Value>) {
    this.name = description.name;
    this.labelNames = description.labelNames;
    this.#description = description;
    this.#form = form;
    this.#pull = pull;
  }

  /** What it is and has; a promise, as of prom-client's. */
  async get(): Promise<ToldMetric> {
    const { name, help, aggregator = 'sum' } = this.#description;
    const { type, values } = this.#form;
    return { name, help, type, aggregator, values: [...this.#pull()].flatMap((one) => values(name, one)) };
  }

  /** In Prometheus' text format 0.0.4, without an end of the last line. */
  text(): string {
    const { name, help } = this.#description;
    const { type, lines } = this.#form;
    let text = `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}`;
    for (const { labels, value } of this.#pull()) text += lines(name, labelText(labels), value);
    return text;
  }
}

const single: Omit<MetricForm<number>, 'type'> = {
  values: (_name, { labels, value }) => [{ labels, value }],
  lines: (name, series, value) => `\n${name}${inBraces(series)} ${numberText(value)}`,
};
const counter: MetricForm<number> = { type: 'counter', ...single };
const gauge: MetricForm<number> = { type: 'gauge', ...single };
const histogram: MetricForm<BucketCounts> = {
  type: 'histogram',
  values: histogramValues,
  lines: histogramLines,
};

/** A counter that is read when it is scraped. */
export function addCounter<Label extends string>(
  registry: Registry,
  description: MetricDescription<Label>,
  pull: Pull<Label, number>,
): void {
  add(registry, new PulledMetric(description, counter, pull));
}

/** The same as a gauge. */
export function addGauge<Label extends string>(
  registry: Registry,
  description: MetricDescription<Label>,
  pull: Pull<Label, number>,
): void {
  add(registry, new PulledMetric(description, gauge, pull));
}

/** The same as a histogram. */
export function addHistogram<Label extends string>(
  registry: Registry,
  description: MetricDescription<Label>,
  pull: Pull<Label, BucketCounts>,
): void {
  add(registry, new PulledMetric(description, histogram, pull));
}

/** All metrics of a registry that holds no other. */
export function pulledMetrics(registry: Registry): PulledMetric[] {
  return registry.getMetricsAsArray() as unknown as PulledMetric[];
}

/** A registry takes its own classes by their type, and of them needs what a pulled metric has. */
function add<Value>(registry: Registry, metric: PulledMetric<Value>): void {
  registry.registerMetric(metric as unknown as Metric);
}

/** The cumulative buckets, the sum and the count of one series. */
function histogramValues(name: string, { labels, value }: Sample<string, BucketCounts>): ToldValue[] {
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

function histogramLines(name: string, series: string, { bounds, counts, sum, count }: BucketCounts): string {
  const rest = series === '' ? '' : `,${series}`;
  let below = 0;
  let text = '';
  for (let index = 0; index <= bounds.length; index += 1) {
    below += counts[index] as number;
    text += `\n${name}_bucket{le="${bounds[index] ?? '+Inf'}"${rest}} ${below}`;
  }
  const braces = inBraces(series);
  return `${text}\n${name}_sum${braces} ${numberText(sum)}\n${name}_count${braces} ${count}`;
}

function labelText(labels: Record<string, string>): string {
  let text = '';
  for (const name in labels) {
    const value = labels[name] as string;
    const shown = /["\\\n]/.test(value) ? value.replace(/["\\\n]/g, escaped) : value;
    text += `${text === '' ? '' : ','}${name}="${shown}"`;
  }
  return text;
}

function inBraces(series: string): string {
  return series === '' ? '' : `{${series}}`;
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return `${value}`;
  return value > 0 ? '+Inf' : '-Inf';
}
