import { Registry } from 'prom-client';
import { BucketCounts, durationBoundsSeconds } from '../agent/observe/bucket-counts.ts';
import { addHistogram, type PulledMetric, type Sample } from '../agent/observe/pulled-metrics.ts';
import { compare, type Measurement } from './measure.ts';

const deployments = 64;
const routes = ['cpu', 'fpga-sim'];
const labelNames = ['model', 'version', 'route'] as const;

/** The text of a scrape: as metrics write it themselves, against prom-client. */
export async function benchScrape(): Promise<Record<string, Measurement[]>> {
  const registry = new Registry();
  const series = seriesOfAll();
  for (const phase of ['request', 'queue', 'input', 'compute', 'output']) {
    addHistogram(registry, { name: `${phase}_seconds`, help: phase, labelNames }, () => series);
  }
  const metrics = registry.getMetricsAsArray() as unknown as PulledMetric[];
  const library = async (): Promise<void> => {
    for (const { name } of metrics) await registry.getSingleMetricAsString(name);
  };
  const own = (): void => {
    for (const metric of metrics) metric.text();
  };
  const title = `five histograms of ${deployments} deployments with ${routes.length} routes each`;
  return {
    [title]: await compare(
      [
        { name: 'prom-client', run: library },
        { name: 'their own', run: own },
      ],
      { rounds: 9, callsPerRound: 3 },
    ),
  };
}

function seriesOfAll(): Sample<(typeof labelNames)[number], BucketCounts>[] {
  return Array.from({ length: deployments }, (_, index) =>
    routes.map((route) => {
      const value = new BucketCounts(durationBoundsSeconds);
      for (let ms = 1; ms <= 100; ms += 1) value.observe(ms / 1000);
      return { labels: { model: `model-${index}`, version: `${index}`, route }, value };
    }),
  ).flat();
}
