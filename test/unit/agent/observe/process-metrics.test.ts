import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { processRegistry } from '../../../../agent/observe/process-metrics.ts';
import { pulledMetrics } from '../../../../agent/observe/pulled-metrics.ts';
import { parseScrape, type ScrapedSample, sampleValue } from '../../../support/prometheus-text.ts';

const own = processRegistry();
const library = new Registry();
collectDefaultMetrics({ register: library });

interface Described {
  name: string;
  help: string;
  type: string;
  labelNames: readonly string[];
}

async function describedBy(registry: Registry): Promise<Described[]> {
  const metrics = registry.getMetricsAsArray() as unknown as {
    labelNames: readonly string[];
    get(): Promise<Omit<Described, 'labelNames'>>;
  }[];
  const all = metrics.map(async (metric) => {
    const { name, help, type } = await metric.get();
    return { name, help, type, labelNames: metric.labelNames };
  });
  return (await Promise.all(all)).sort((one, other) => (one.name < other.name ? -1 : 1));
}

const scrape = (): ScrapedSample[] =>
  parseScrape(
    pulledMetrics(own)
      .map((metric) => metric.text())
      .join('\n'),
  );

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('metrics of the process', () => {
  it("are prom-client's by name, words, type and labels, but one", async () => {
    const wanted = (await describedBy(library)).filter(
      ({ name }) => name !== 'nodejs_eventloop_lag_stddev_seconds',
    );
    expect(wanted.length).toBeGreaterThan(20);
    expect(await describedBy(own)).toEqual(wanted);
  });

  it("have prom-client's values, as far as they stand still", async () => {
    // Pauses, because the first values of some come with a turn of the event loop.
    await pause(50);
    const theirs = parseScrape(await library.metrics());
    const ours = scrape();
    for (const name of ['process_start_time_seconds', 'process_max_fds', 'nodejs_version_info']) {
      expect([name, sampleValue(ours, name)]).toEqual([name, sampleValue(theirs, name)]);
    }
    const close = ['process_resident_memory_bytes', 'process_virtual_memory_bytes', 'process_heap_bytes'];
    for (const name of [...close, 'nodejs_heap_size_total_bytes', 'process_open_fds']) {
      const [our = 0, their = 0] = [sampleValue(ours, name), sampleValue(theirs, name)];
      expect([name, Math.abs(our / their - 1) < 0.25]).toEqual([name, true]);
    }
    // The library's begin with it.
    const { user, system } = process.cpuUsage();
    const cpuSeconds = sampleValue(ours, 'process_cpu_seconds_total') ?? 0;
    expect(cpuSeconds).toBeGreaterThan(0);
    expect(cpuSeconds).toBeLessThanOrEqual((user + system) / 1e6);
    const seriesOf = (samples: readonly ScrapedSample[]): string[] =>
      samples
        .filter(({ name }) => !/eventloop|gc_duration|_active_/.test(name))
        .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
        .sort();
    expect(seriesOf(ours)).toEqual(seriesOf(theirs));
  });

  it('say how late the event loop was since the scrape before', async () => {
    scrape();
    // Node's probe measures from its second turn after it was set to nothing.
    await pause(30);
    const untilMs = performance.now() + 150;
    while (performance.now() < untilMs);
    await pause(30);
    const lag = (samples: readonly ScrapedSample[], which: string) =>
      sampleValue(samples, `nodejs_eventloop_lag_${which}_seconds`) ?? Number.NaN;
    const busy = scrape();
    expect(lag(busy, 'max')).toBeGreaterThan(0.1);
    expect(lag(busy, 'min')).toBeLessThanOrEqual(lag(busy, 'p50'));
    expect(lag(busy, 'p50')).toBeLessThanOrEqual(lag(busy, 'p99'));
    expect(lag(busy, 'mean')).toBeGreaterThan(0);
    // Nothing was recorded since: there is no least and no mean.
    expect(scrape().filter(({ name }) => /lag_(min|max|mean|p\d\d)_/.test(name))).toEqual([]);
    expect(sampleValue(scrape(), 'nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
  });

  it('count collections by kind', async () => {
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    await vi.waitFor(() => {
      const count = sampleValue(scrape(), 'nodejs_gc_duration_seconds_count', { kind: 'major' });
      expect(count).toBeGreaterThanOrEqual(1);
    }, 20_000);
  });
});
