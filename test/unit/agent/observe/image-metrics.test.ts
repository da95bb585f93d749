import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ImageMeters, type MeteredRequest } from '../../../../agent/observe/image-meters.ts';
import { addImageMetrics } from '../../../../agent/observe/image-metrics.ts';
import type { ObservedImage } from '../../../../agent/observe/observed-image.ts';
import { InferenceStatistics } from '../../../../agent/scoring/inference-statistics.ts';
import { parseScrape, type ScrapedSample, sampleValue } from '../../../support/prometheus-text.ts';

const answered: MeteredRequest = {
  dialect: 'open-inference',
  failure: undefined,
  route: 'cpu',
  items: 3,
  totalMs: 4,
  inputMs: 0.05,
  outputMs: 0.2,
  phases: { queueMs: 0, computeMs: 20_000 },
};

function imageOf(model: string): ObservedImage {
  return {
    model,
    version: '7',
    digest: `sha256:${'a'.repeat(64)}`,
    meters: new ImageMeters(),
    statistics: new InferenceStatistics(),
    queues: [{ route: 'cpu', load: { depth: 2, running: 1, lanes: 4 } }],
  };
}

function scraper(images: ObservedImage[]): () => Promise<ScrapedSample[]> {
  const registry = new Registry();
  addImageMetrics(registry, () => images);
  return async () => parseScrape(await registry.metrics());
}

describe('the metrics of an image', () => {
  it('count durations into cumulative buckets, bounds included', async () => {
    const image = imageOf('one');
    image.meters.record(answered);
    image.meters.record({ ...answered, totalMs: 5 });
    const samples = await scraper([image])();
    const labels = { model: 'one', version: '7', route: 'cpu' };
    const bucket = (phase: string, le: string): number | undefined =>
      sampleValue(samples, `sluice_${phase}_duration_seconds_bucket`, { ...labels, le });
    expect(['0.0025', '0.005', '10', '+Inf'].map((le) => bucket('request', le))).toEqual([0, 2, 2, 2]);
    expect([bucket('input', '0.00005'), bucket('queue', '0.00005')]).toEqual([2, 2]);
    // Longer than every bound.
    expect([bucket('compute', '10'), bucket('compute', '+Inf')]).toEqual([0, 2]);
    expect(sampleValue(samples, 'sluice_request_duration_seconds_sum', labels)).toBeCloseTo(0.009);
    expect(sampleValue(samples, 'sluice_request_duration_seconds_count', labels)).toBe(2);
    expect(sampleValue(samples, 'sluice_items_total', labels)).toBe(6);
    expect(sampleValue(samples, 'sluice_queue_depth', labels)).toBe(2);
  });

  it('count a request without result by its code, and give it no duration', async () => {
    const image = imageOf('one');
    image.meters.record({ ...answered, failure: { code: 'queue_full', status: 429 } });
    const samples = await scraper([image])();
    expect(sampleValue(samples, 'sluice_rejections_total', { reason: 'queue_full' })).toBe(1);
    expect(sampleValue(samples, 'sluice_requests_total', { dialect: 'open-inference', status: '429' })).toBe(
      1,
    );
    expect(sampleValue(samples, 'sluice_request_duration_seconds_count')).toBeUndefined();
  });

  it('take what engines tell, executions from the first request on', async () => {
    const { meters, ...rest } = imageOf('one');
    meters.executed({ route: 'fpga', requests: 1, items: 1, computeMs: 1, npuCycles: 5 });
    meters.breakerChanged({ route: 'fpga', isOpen: true });
    meters.beginServing();
    meters.executed({ route: 'fpga', requests: 3, items: 5, computeMs: 2, npuCycles: 1_000 });
    meters.executed({ route: 'fpga', requests: 1, items: 1, computeMs: 2, npuCycles: 200 });
    meters.executed({ route: 'cpu', requests: 1, items: 1, computeMs: 2 });
    // Told twice, it opened once.
    meters.breakerChanged({ route: 'fpga', isOpen: true });
    meters.shadowed({ bytes: 40, differingBytes: 0 });
    meters.shadowed({ bytes: 40, differingBytes: 3 });
    const scrape = scraper([{ ...rest, meters }]);
    const samples = await scrape();
    const fpga = { route: 'fpga' };
    expect(sampleValue(samples, 'sluice_npu_execute_cycles_total')).toBe(1_200);
    expect(sampleValue(samples, 'sluice_batch_items_bucket', { ...fpga, le: '4' })).toBe(1);
    expect(sampleValue(samples, 'sluice_batch_items_sum', fpga)).toBe(6);
    expect(sampleValue(samples, 'sluice_batch_requests_sum', fpga)).toBe(4);
    expect(sampleValue(samples, 'sluice_breaker_open', fpga)).toBe(1);
    expect(sampleValue(samples, 'sluice_breaker_openings_total', fpga)).toBe(1);
    expect(sampleValue(samples, 'sluice_shadow_runs_total')).toBe(2);
    expect(sampleValue(samples, 'sluice_shadow_differing_runs_total')).toBe(1);
    expect(sampleValue(samples, 'sluice_shadow_bytes_total')).toBe(80);
    expect(sampleValue(samples, 'sluice_shadow_differing_bytes_total')).toBe(3);
    meters.breakerChanged({ route: 'fpga', isOpen: false });
    expect(sampleValue(await scrape(), 'sluice_breaker_open', fpga)).toBe(0);
  });

  it('are gone with their deployment', async () => {
    const images = [imageOf('one'), imageOf('two')];
    for (const { meters } of images) meters.record(answered);
    const scrape = scraper(images);
    const models = async (): Promise<string[]> => [
      ...new Set((await scrape()).map(({ labels }) => labels.model ?? '')),
    ];
    expect(await models()).toEqual(['one', 'two']);
    images.shift();
    expect(await models()).toEqual(['two']);
  });
});
