import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { BucketCounts } from '../../../../agent/observe/bucket-counts.ts';
import {
  addCounter,
  addGauge,
  addHistogram,
  PulledMetric,
} from '../../../../agent/observe/pulled-metrics.ts';

/** The text that a metric writes of itself, and what prom-client writes of what it tells. */
async function bothTexts(registry: Registry): Promise<[own: string, library: string]> {
  const [metric] = registry.getMetricsAsArray() as unknown as [PulledMetric];
  expect(metric).toBeInstanceOf(PulledMetric);
  return [metric.text(), await registry.getSingleMetricAsString(metric.name)];
}

function counts(values: readonly number[]): BucketCounts {
  const result = new BucketCounts([0.000_05, 0.25, 1]);
  for (const value of values) result.observe(value);
  return result;
}

describe("a pulled metric's own text is prom-client's", () => {
  const series = [
    { labels: { model: 'one', route: 'cpu' }, value: 3 },
    { labels: { model: 'a "quoted" \\ name\nof two lines', route: '' }, value: 0.1 + 0.2 },
    { labels: { model: 'ü', route: 'fpga' }, value: Number.POSITIVE_INFINITY },
    { labels: { model: 'low', route: 'fpga' }, value: Number.NEGATIVE_INFINITY },
    { labels: { model: 'many', route: 'fpga' }, value: 1e21 },
  ];
  const labelNames = ['model', 'route'] as const;
  const help = 'What it is, with a \\ and\na second line, and "quotes".';

  it.each([
    ['counter', addCounter],
    ['gauge', addGauge],
  ])('for a %s', async (_type, add) => {
    const registry = new Registry();
    add(registry, { name: 'some_total', help, labelNames }, () => series);
    const [own, library] = await bothTexts(registry);
    expect(own).toBe(library);
    expect(own.split('\n')).toHaveLength(2 + series.length);
  });

  it('for a histogram', async () => {
    const registry = new Registry();
    const values = [[], [0.1, 0.25, 7, 0], [1], [2, 2], [Number.POSITIVE_INFINITY]];
    addHistogram(registry, { name: 'some_seconds', help, labelNames }, () =>
      series.map(({ labels }, index) => ({ labels, value: counts(values[index] as number[]) })),
    );
    const [own, library] = await bothTexts(registry);
    expect(own).toBe(library);
    expect(own.split('\n')).toHaveLength(2 + series.length * 6);
  });

  it('without labels, and without series', async () => {
    const single = new Registry();
    addGauge(single, { name: 'one', help: 'One.', labelNames: [] }, () => [{ labels: {}, value: 1 }]);
    const [own, library] = await bothTexts(single);
    expect(own).toBe(library);
    const histogram = new Registry();
    addHistogram(histogram, { name: 'h', help: 'One.', labelNames: [] }, () => [
      { labels: {}, value: counts([1]) },
    ]);
    const [ownHistogram, libraryHistogram] = await bothTexts(histogram);
    expect(ownHistogram).toBe(libraryHistogram);
    const empty = new Registry();
    addCounter(empty, { name: 'none_total', help: 'None.', labelNames: ['model'] }, () => []);
    const [ownEmpty, libraryEmpty] = await bothTexts(empty);
    expect(ownEmpty).toBe(libraryEmpty);
  });

  it('says no number as the format does', () => {
    const registry = new Registry();
    addGauge(registry, { name: 'none', help: 'None.', labelNames: [] }, () => [
      { labels: {}, value: Number.NaN },
    ]);
    const [metric] = registry.getMetricsAsArray() as unknown as [PulledMetric];
    expect(metric.text()).toMatch(/\nnone NaN$/);
  });
});
