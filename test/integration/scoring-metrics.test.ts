import { describe, expect, it, vi } from 'vitest';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { parseScrape, type ScrapedSample, sampleValue } from '../support/prometheus-text.ts';
import { busyModel } from '../support/serving-models.ts';

const image = [...floatInput(fashionSet(), 0)];
const input = { name: 'input', shape: [1, 784], datatype: 'FP32', data: image };
const infer = '/v2/models/fashion/infer';

async function scrape(scoring: LocalScoring): Promise<ScrapedSample[]> {
  const answer = await scoring.get('/metrics');
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseScrape(answer.text);
}

describe('GET /metrics', () => {
  it('counts requests of every dialect by route, status and reason', async () => {
    const scoring = await startScoring({ npu: 'ci' });
    await scoring.deploy('fashion', { accelerate: 'ci' });
    const route = (name: string) => ({ headers: { 'x-sluice-route': name } });
    await scoring.post(infer, { inputs: [input] }, route('cpu'));
    await scoring.post(
      infer,
      { inputs: [{ ...input, shape: [3, 784], data: [image, image, image] }] },
      route('fpga'),
    );
    await scoring.post('/score', { input: [image, image] }, route('cpu'));
    await scoring.post('/v1/models/fashion:predict', { instances: [image] }, route('cpu'));
    await scoring.post(infer, { inputs: [{ ...input, shape: [1, 783] }] });
    await scoring.post('/v2/models/absent/infer', { inputs: [input] });
    const samples = await scrape(scoring);
    const model = { model: 'fashion', version: '1' };
    const count = (name: string, labels: Record<string, string>): number | undefined =>
      sampleValue(samples, name, { ...model, ...labels });
    for (const phase of ['request', 'queue', 'input', 'compute', 'output']) {
      expect(count(`sluice_${phase}_duration_seconds_count`, { route: 'cpu' })).toBe(3);
      expect(count(`sluice_${phase}_duration_seconds_count`, { route: 'fpga-sim' })).toBe(1);
    }
    expect(count('sluice_compute_duration_seconds_sum', { route: 'cpu' })).toBeGreaterThan(0);
    const sum = (phase: string) =>
      count(`sluice_${phase}_duration_seconds_sum`, { route: 'cpu' }) ?? Number.NaN;
    const parts = ['queue', 'input', 'compute', 'output'].map(sum);
    expect(parts.reduce((all, part) => all + part, 0)).toBeLessThanOrEqual(sum('request'));
    expect(count('sluice_items_total', { route: 'cpu' })).toBe(4);
    expect(count('sluice_items_total', { route: 'fpga-sim' })).toBe(3);
    const dialects = [
      ['open-inference', '200', 2],
      ['open-inference', '400', 1],
      ['azure', '200', 1],
      ['predict', '200', 1],
    ] as const;
    for (const [dialect, status, requests] of dialects) {
      expect(count('sluice_requests_total', { dialect, status })).toBe(requests);
    }
    expect(count('sluice_rejections_total', { reason: 'tensor_shape' })).toBe(1);
    expect(sampleValue(samples, 'sluice_http_answers_total', { status: '404', code: 'unknown_model' })).toBe(
      1,
    );
    // Without those of the warm-up.
    expect(count('sluice_batch_items_sum', { route: 'fpga-sim' })).toBe(3);
    expect(count('sluice_batch_items_count', { route: 'cpu' })).toBe(3);
    expect(count('sluice_npu_execute_cycles_total', { route: 'fpga-sim' })).toBeGreaterThan(0);
    expect(count('sluice_queue_lanes', { route: 'fpga-sim' })).toBe(1);
    // Nothing that a client sent became a label.
    expect(samples.some(({ labels }) => Object.values(labels).includes('absent'))).toBe(false);

    await scoring.deployments.remove('fashion');
    expect((await scrape(scoring)).some(({ labels }) => labels.model !== undefined)).toBe(false);
  });

  it('answers under load, with what waits and what was refused', async () => {
    const scoring = await startScoring();
    await scoring.deploy('busy', { model: busyModel(200), sessions: 1, queueDepth: 1 });
    // Would take many seconds, and ends with its client.
    const body = { inputs: [{ name: 'size', shape: [2], datatype: 'INT64', data: [2_000, 2_000] }] };
    const [path, cpu] = ['/v2/models/busy/infer', { model: 'busy', route: 'cpu' }];
    const leaving = new AbortController();
    const two = [1, 2].map(() => scoring.post(path, body, { signal: leaving.signal }).catch(() => 'left'));
    await vi.waitFor(async () => {
      const samples = await scrape(scoring);
      expect(sampleValue(samples, 'sluice_queue_depth', cpu)).toBe(1);
      expect(sampleValue(samples, 'sluice_queue_running', cpu)).toBe(1);
    }, 20_000);
    expect((await scoring.post(path, body)).code).toBe('queue_full');
    leaving.abort();
    expect(await Promise.all(two)).toEqual(['left', 'left']);
    await vi.waitFor(async () => {
      const after = await scrape(scoring);
      const reason = (code: string) => sampleValue(after, 'sluice_rejections_total', { reason: code });
      expect([reason('queue_full'), reason('cancelled')]).toEqual([1, 2]);
      expect(sampleValue(after, 'sluice_http_answers_total', { status: '499', code: 'cancelled' })).toBe(2);
    }, 20_000);
  });

  it('counts a script: its queue, and answers that never asked the model', async () => {
    const scoring = await startScoring();
    await scoring.deploy('scripted', { script: "export function run() { return 'fine'; }" });
    await scoring.post('/score', '');
    const samples = await scrape(scoring);
    expect(
      sampleValue(samples, 'sluice_queue_lanes', { model: 'scripted', route: 'script' }),
    ).toBeGreaterThan(0);
    expect(sampleValue(samples, 'sluice_request_duration_seconds_count', { route: 'none' })).toBe(1);
  });

  it("has Triton's names where they are wanted, equal to the statistics", async () => {
    const plain = await startScoring();
    await plain.deploy('fashion');
    expect((await plain.get('/metrics')).text).not.toContain('nv_');

    const scoring = await startScoring({ endpoint: { hasTritonMetricNames: true } });
    await scoring.deploy('fashion');
    for (const data of [[image], [image, image]]) {
      await scoring.post(infer, { inputs: [{ ...input, shape: [data.length, 784], data }] });
    }
    await scoring.post(infer, { inputs: [{ ...input, shape: [1, 783] }] });
    await scoring.post('/score', { input: [image] }, { headers: { 'x-request-timeout-ms': '0.000001' } });
    const samples = await scrape(scoring);
    const { model_stats: all } = (await scoring.get('/v2/models/fashion/stats')).json as {
      model_stats: {
        inference_count: number;
        execution_count: number;
        inference_stats: Record<string, { count: number; ns: number }>;
      }[];
    };
    const stats = all[0];
    const alias = (name: string, labels = {}) =>
      sampleValue(samples, `nv_inference_${name}`, { model: 'fashion', version: '1', ...labels });
    const us = (name: string) => Math.floor((stats?.inference_stats[name]?.ns ?? Number.NaN) / 1000);
    expect(alias('request_success')).toBe(2);
    expect(alias('request_success')).toBe(stats?.inference_stats.success?.count);
    expect(alias('count')).toBe(stats?.inference_count);
    expect(alias('exec_count')).toBe(stats?.execution_count);
    expect(alias('request_duration_us')).toBe(us('success'));
    expect(alias('queue_duration_us')).toBe(us('queue'));
    for (const phase of ['compute_input', 'compute_infer', 'compute_output']) {
      expect(alias(`${phase}_duration_us`)).toBe(us(phase));
    }
    expect(alias('request_failure', { reason: 'OTHER' })).toBe(1);
    expect(alias('request_failure', { reason: 'REJECTED' })).toBe(1);
    expect(stats?.inference_stats.fail?.count).toBe(2);
    expect(alias('pending_request_count')).toBe(0);
  });
});
