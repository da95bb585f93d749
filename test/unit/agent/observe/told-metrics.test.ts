import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ImageMeters } from '../../../../agent/observe/image-meters.ts';
import { addGauge } from '../../../../agent/observe/pulled-metrics.ts';
import { ScoringMetrics } from '../../../../agent/observe/scoring-metrics.ts';
import { type ToldMetrics, textOfAll } from '../../../../agent/observe/told-metrics.ts';
import { InferenceStatistics } from '../../../../agent/scoring/inference-statistics.ts';
import { parseScrape, type ScrapedSample, sampleValue } from '../../../support/prometheus-text.ts';

interface Process {
  version?: string;
  isBreakerOpen: boolean;
  lagSeconds: number;
  startedAtSeconds: number;
  requests: number;
}

/** A process as its metrics see it. */
function metricsOf(
  { version = '7', isBreakerOpen, lagSeconds, startedAtSeconds, requests }: Process,
  peers?: { metrics(): Promise<ToldMetrics[]> },
): ScoringMetrics {
  const registry = new Registry();
  const ofProcess = [
    ['nodejs_eventloop_lag_mean_seconds', lagSeconds, 'max'],
    ['nodejs_eventloop_lag_min_seconds', lagSeconds, 'min'],
    ['process_start_time_seconds', startedAtSeconds, 'max'],
    ['process_resident_memory_bytes', 1_000, 'sum'],
    ['process_of_nothing', Number.NaN, 'sum'],
  ] as const;
  for (const [name, value, aggregator] of ofProcess) {
    addGauge(registry, { name, help: name, labelNames: [], aggregator }, () => [{ labels: {}, value }]);
  }
  const meters = new ImageMeters();
  meters.breakerChanged({ route: 'fpga-sim', isOpen: true });
  meters.breakerChanged({ route: 'fpga-sim', isOpen: isBreakerOpen });
  for (let index = 0; index < requests; index += 1) {
    const phases = { queueMs: 0, computeMs: 2 };
    const times = { totalMs: 4 + index, inputMs: 1, outputMs: 1, phases };
    meters.record({ dialect: 'azure', failure: undefined, route: 'cpu', items: 3, ...times });
  }
  const image = {
    ...{ model: 'one', version, digest: `sha256:${'a'.repeat(64)}` as const, meters },
    statistics: new InferenceStatistics(),
    queues: [{ route: 'cpu', load: { depth: requests, running: 1, lanes: 2 } }],
  };
  return new ScoringMetrics(registry, {
    images: () => [image],
    answers: { samples: () => [] },
    spans: () => ({ exported: 1, dropped: 0 }),
    collection: () => undefined,
    hasTritonNames: true,
    peers,
  });
}

/** What the first of these processes answers to a scrape, when the others tell what is theirs as JSON. */
async function scrapeOf(first: Process, ...others: Process[]): Promise<ScrapedSample[]> {
  const metrics = async (): Promise<ToldMetrics[]> =>
    Promise.all(others.map(async (other) => JSON.parse(JSON.stringify(await metricsOf(other).tell()))));
  return parseScrape(await metricsOf(first, { metrics }).scrape());
}

const calm: Process = {
  isBreakerOpen: false,
  lagSeconds: 0.01,
  startedAtSeconds: 50,
  requests: 1,
};
const busy: Process = { isBreakerOpen: true, lagSeconds: 0.03, startedAtSeconds: 40, requests: 2 };

describe('metrics of several processes', () => {
  it('are added where they count, else those of the process that is worst off', async () => {
    const samples = await scrapeOf(calm, busy);
    const value = (name: string, labels: Record<string, string> = {}) => sampleValue(samples, name, labels);
    expect(value('sluice_processes_answered')).toBe(2);
    expect(value('sluice_requests_total', { dialect: 'azure', status: '200' })).toBe(3);
    const bucket = (le: string) => value('sluice_request_duration_seconds_bucket', { route: 'cpu', le });
    expect(['0.0025', '0.005', '+Inf'].map(bucket)).toEqual([0, 3, 3]);
    expect(value('sluice_request_duration_seconds_sum')).toBeCloseTo(0.013);
    expect(value('sluice_request_duration_seconds_count')).toBe(3);
    const queue = ['depth', 'running', 'lanes'].map((name) => value(`sluice_queue_${name}`));
    expect(queue).toEqual([3, 2, 4]);
    expect(value('nv_inference_pending_request_count')).toBe(3);
    expect(value('sluice_breaker_open')).toBe(1);
    expect(value('sluice_breaker_openings_total')).toBe(2);
    expect(value('sluice_image_info')).toBe(1);
    expect(value('sluice_trace_spans_total', { result: 'exported' })).toBe(2);
    expect(value('process_resident_memory_bytes')).toBe(2_000);
    expect(value('nodejs_eventloop_lag_mean_seconds')).toBe(0.03);
    expect(value('nodejs_eventloop_lag_min_seconds')).toBe(0.01);
    expect(value('process_start_time_seconds')).toBe(50);
    expect(value('process_of_nothing')).toBeUndefined();
  });

  it('keep apart what has other labels, such as the version while an image is switched', async () => {
    const samples = await scrapeOf(calm, { ...busy, version: '8' });
    const count = (version: string) =>
      sampleValue(samples, 'sluice_request_duration_seconds_count', { version });
    expect([count('7'), count('8')]).toEqual([1, 2]);
  });

  it('of one process are what it would say alone', async () => {
    const metrics = metricsOf(calm);
    const alone = parseScrape(await metrics.scrape()).filter(({ name }) => name !== 'process_of_nothing');
    expect(parseScrape(await textOfAll([await metrics.tell()]))).toEqual(alone);
  });
});
