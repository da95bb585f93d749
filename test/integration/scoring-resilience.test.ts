import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { EngineObserver } from '../../agent/engines/engine-observer.ts';
import type { Router } from '../../agent/engines/router.ts';
import { compileModel } from '../../compiler/compile.ts';
import type { RunManifest } from '../../contract/image.ts';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { startGrpc } from '../support/local-grpc.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { fashionModel } from '../support/make-image.ts';

const configuration = 'kv260-m';
const image = { accelerate: configuration, policy: 'fpga' } as const;
const pixels = [...floatInput(fashionSet(), 0)];
const waitMs = 20_000;

async function infer(scoring: LocalScoring, options: { model?: string; route?: string } = {}) {
  const { model = 'fashion', route } = options;
  const answer = await scoring.post(
    `/v2/models/${model}/infer`,
    { inputs: [{ name: 'input', shape: [1, 784], datatype: 'FP32', data: pixels }] },
    { headers: route === undefined ? {} : { 'x-sluice-route': route } },
  );
  const outputs = JSON.stringify((answer.json as { outputs?: unknown }).outputs);
  return { ...answer, outputs, route: answer.headers.get('x-sluice-route') };
}

function routerOf(scoring: LocalScoring, model = 'fashion'): Router {
  const router = scoring.deployments.get(model)?.router;
  if (router === undefined) throw new Error(`${model} is not served`);
  return router;
}

async function until(what: string, fits: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + waitMs;
  while (!(await fits())) {
    if (performance.now() > endMs) throw new Error(`not within ${waitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** An observer that keeps what it is told. */
function recorder() {
  const told: { isOpen: boolean; reason: string }[] = [];
  const shadowed: { bytes: number; differingBytes: number }[] = [];
  const observer: EngineObserver = {
    executed: () => undefined,
    breakerChanged: ({ isOpen, reason }) => told.push({ isOpen, reason }),
    shadowed: (result) => shadowed.push(result),
  };
  return { observer, told, shadowed };
}

/** Keeps the device busy for longer than any test takes; what it runs ends with it. */
async function holdDevice({ npu }: LocalScoring): Promise<void> {
  const { program } = await compileModel(fashionModel(), { configuration });
  const resident = await npu?.device.load(program);
  const inputs = resident?.newInputs(80_000) ?? new Uint8Array(0);
  for (let run = 0; run < 20; run += 1) resident?.run(inputs).catch(() => undefined);
}

describe('a device that is gone', () => {
  it('is opened anew with the programs of all images, and answers meanwhile are the same', async () => {
    const { observer, told } = recorder();
    const limits = { breakerProbeBaseMs: 4_000 };
    const scoring = await startScoring({ npu: configuration, limits, observer });
    await scoring.deploy('fashion', image);
    await scoring.deploy('other', { ...image, version: 2 });
    const before = await infer(scoring);
    expect(before.route).toBe('fpga-sim');
    const first = scoring.npu?.device;
    await first?.close();

    const failed = await infer(scoring);
    expect([failed.status, failed.route]).toEqual([200, 'cpu; reason=device_closed']);
    const open = await infer(scoring);
    expect([open.status, open.route]).toEqual([200, 'cpu; reason=breaker_open; cause=device_closed']);
    const insisting = await infer(scoring, { route: 'fpga' });
    expect([insisting.status, insisting.code, insisting.route]).toEqual([503, 'breaker_open', 'fpga-sim']);
    expect(Number(insisting.headers.get('retry-after-ms'))).toBeLessThanOrEqual(4_000);
    expect((await scoring.get('/v2/health/ready')).status).toBe(200);
    const stats = await scoring.get('/v2/models/fashion/stats');
    expect(stats.json).toMatchObject({
      model_stats: [{ sluice: { breaker: { state: 'open', reason: 'device_closed', setbacks: 0 } } }],
    });

    await until('the route is used again', async () => (await infer(scoring)).route === 'fpga-sim');
    const after = await infer(scoring, { route: 'fpga' });
    expect(after.status).toBe(200);
    expect(scoring.npu?.device).not.toBe(first);
    expect(routerOf(scoring).breaker).toMatchObject({ state: 'closed', failures: 0 });
    expect((await infer(scoring, { model: 'other' })).route).toBe('fpga-sim');
    expect(told).toEqual([
      { isOpen: true, reason: 'device_closed' },
      { isOpen: false, reason: 'device_closed' },
    ]);
    const texts = [before, failed, open, after].map(({ outputs }) => outputs);
    expect(new Set(texts).size).toBe(1);
  });
});

describe('a device that does not answer in time', () => {
  it('is left alone at once, opened anew when a probe hangs too, and used again', async () => {
    const limits = { npuTimeoutMs: 5_000, breakerProbeBaseMs: 400 };
    const scoring = await startScoring({ npu: configuration, limits });
    await scoring.deploy('fashion', image);
    const before = await infer(scoring);
    const held = scoring.npu?.device;
    await holdDevice(scoring);

    const timedOut = await infer(scoring);
    expect([timedOut.status, timedOut.route]).toEqual([200, 'cpu; reason=device_timeout']);
    const open = await infer(scoring);
    expect(open.route).toBe('cpu; reason=breaker_open; cause=device_timeout');

    await until('the route is used again', async () => (await infer(scoring)).route === 'fpga-sim');
    const after = await infer(scoring);
    expect(new Set([before, timedOut, open, after].map(({ outputs }) => outputs)).size).toBe(1);
    expect(scoring.npu?.device).not.toBe(held);
  });
});

describe('an image with a share of shadows', () => {
  it('computes requests on both routes, and finds the same bytes', async () => {
    const { observer, shadowed } = recorder();
    const scoring = await startScoring({ npu: configuration, observer });
    await scoring.deploy('fashion', { ...image, shadow: 1 });
    expect((await infer(scoring)).route).toBe('fpga-sim');
    await until('a second run', () => shadowed.length === 1);
    expect((await infer(scoring, { route: 'cpu' })).route).toBe('cpu');
    await until('a second run the other way', () => shadowed.length === 2);
    const grpc = await startGrpc(scoring);
    const inputs = [{ name: 'input', shape: [1, 784], datatype: 'FP32' }];
    const message = { model_name: 'fashion', inputs, raw_input_contents: [Buffer.alloc(784 * 4)] };
    expect((await grpc.call('ModelInfer', message)).metadata.get('x-sluice-route')).toEqual(['fpga-sim']);
    await until('a second run of a call over gRPC', () => shadowed.length === 3);
    const same = { bytes: 40, differingBytes: 0 };
    expect(shadowed).toEqual([same, same, same]);
    expect(routerOf(scoring).secondRuns).toMatchObject({ runs: 3, bytes: 120, differingBytes: 0, failed: 0 });
    await scoring.deploy('plain', { ...image, version: 2 });
    await infer(scoring, { model: 'plain' });
    expect(routerOf(scoring, 'plain').secondRuns).toMatchObject({ runs: 0, skipped: 0 });
  });

  it('tells of other bytes, and keeps a device that gives them out', async () => {
    const { observer, shadowed, told } = recorder();
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
    const limits = { breakerProbeBaseMs: 20 };
    const scoring = await startScoring({ npu: configuration, limits, observer, log });
    // Zeros have another answer too: the probe's.
    const edit = ({ routes }: RunManifest): void => {
      Object.assign(routes.npu?.outputs[0] ?? {}, { scale: 0.5 });
    };
    await scoring.deploy('fashion', { ...image, shadow: 1, edit });
    expect((await infer(scoring)).route).toBe('fpga-sim');
    await until('probes', () => (routerOf(scoring).breaker?.setbacks ?? 0) >= 3);
    expect((await infer(scoring)).route).toBe('cpu; reason=breaker_open; cause=verification_failed');
    expect(told).toEqual([{ isOpen: true, reason: 'verification_failed' }]);
    expect(shadowed).toHaveLength(1);
    expect(shadowed[0]?.differingBytes).toBeGreaterThan(0);
    const difference = lines.map((line) => JSON.parse(line)).find(({ tensor }) => tensor !== undefined);
    expect(difference).toMatchObject({
      code: 'verification_failed',
      tensor: 'logits',
      index: expect.any(Number),
      expectedByte: expect.any(Number),
      actualByte: expect.any(Number),
      msg: expect.stringContaining('image fashion:1'),
    });
  });
});
