import { readdirSync } from 'node:fs';
import { type ClientRequest, request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Cancellation } from '../../agent/engines/cancellation.ts';
import { OnnxEngine } from '../../agent/engines/onnx-engine.ts';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import { BlobStore } from '../../base/blob-store.ts';
import { createLogger } from '../../base/logger.ts';
import { readModelSignature } from '../../compiler/signature.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { fashionModel, goldenTensor } from '../support/make-image.ts';
import { temporaryFolder } from '../support/paths.ts';
import { busyModel } from '../support/serving-models.ts';

const short = { size: [1, 1] };

function sizeTensor(size: number): Tensor {
  const data = new Uint8Array(new BigInt64Array([BigInt(size), BigInt(size)]).buffer);
  return { name: 'size', datatype: 'INT64', shape: [2], data };
}

async function startBusy(options: { queueDepth: number }): Promise<LocalScoring> {
  const scoring = await startScoring();
  const sum = { name: 'sum', datatype: 'FP32', shape: [], data: new Uint8Array(4) } as const;
  const samples = [{ inputs: [goldenTensor(sizeTensor(1))], outputs: [goldenTensor({ ...sum, shape: [] })] }];
  await scoring.deploy('busy', { model: busyModel(200), samples, ...options });
  return scoring;
}

/** A run of many seconds, which ends with its client. */
function startEndless(scoring: LocalScoring): ClientRequest {
  const running = request(`${scoring.url}/score`, { method: 'POST' });
  running.on('error', () => undefined);
  running.end(JSON.stringify({ size: [2_000, 2_000] }));
  return running;
}

/** Waits until so many requests run or wait, counted in runs of the length that the engine measured while idle. */
function counterOf(scoring: LocalScoring): (count: number) => Promise<void> {
  const [cpu] = scoring.deployments.get('busy')?.router.engines ?? [];
  if (cpu === undefined) throw new Error('no engine');
  const oneMs = cpu.expectedMs();
  const ahead = (): number => Math.round(cpu.expectedMs() / oneMs) - 1;
  return (count) => vi.waitFor(() => expect(ahead()).toBe(count), { timeout: 20_000, interval: 1 });
}

describe('admission', () => {
  it('answers 429 with Retry-After when the queue is full, and serves what waits', async () => {
    const scoring = await startBusy({ queueDepth: 2 });
    const untilAhead = counterOf(scoring);
    const running = startEndless(scoring);
    await untilAhead(1);
    const answers: Awaited<ReturnType<LocalScoring['post']>>[] = [];
    const burst = Array.from({ length: 7 }, async () => answers.push(await scoring.post('/score', short)));
    await vi.waitFor(() => expect(answers).toHaveLength(5), 20_000);
    for (const { status, code, headers } of answers) {
      expect([status, code]).toEqual([429, 'queue_full']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    running.destroy();
    await Promise.all(burst);
    expect(answers.slice(5).map(({ status }) => status)).toEqual([200, 200]);
    expect((await scoring.post('/score', short)).status).toBe(200);
  });

  it('health answers while every session is busy', async () => {
    const scoring = await startBusy({ queueDepth: 4 });
    const untilAhead = counterOf(scoring);
    const running = startEndless(scoring);
    let isAnswered = false;
    running.on('response', () => {
      isAnswered = true;
    });
    await untilAhead(1);
    expect((await scoring.get('/v2/health/live')).status).toBe(200);
    expect((await scoring.get('/')).text).toBe('Healthy');
    expect(isAnswered).toBe(false);
    running.destroy();
  });

  it('drops waiting work whose client leaves', async () => {
    const scoring = await startBusy({ queueDepth: 1 });
    const untilAhead = counterOf(scoring);
    const running = startEndless(scoring);
    await untilAhead(1);
    const leaving = startEndless(scoring);
    await untilAhead(2);
    expect((await scoring.post('/score', short)).status).toBe(429);
    leaving.destroy();
    // Its place becomes free while the other run goes on.
    await untilAhead(1);
    const placed = scoring.post('/score', short);
    await untilAhead(2);
    running.destroy();
    expect((await placed).status).toBe(200);
  });
});

describe('an ONNX engine', () => {
  async function startEngine({ sessions, model = fashionModel() }: { sessions: number; model?: Uint8Array }) {
    const blobs = new BlobStore(temporaryFolder());
    await blobs.start();
    const digest = await blobs.put(model);
    const engine = new OnnxEngine({
      what: 'test',
      model: { path: blobs.path(digest), digest },
      signature: readModelSignature(model),
      keepsQuantisation: false,
      sessions,
      queueDepthMax: 16,
      limits: scoringLimits,
      nowMs: () => performance.now(),
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    await engine.start();
    onTestFinished(() => engine.close());
    return { engine };
  }

  const inputs = (count = 1): Tensor[] => [
    { name: 'input', datatype: 'FP32', shape: [count, 784], data: new Uint8Array(count * 784 * 4) },
  ];

  it('refuses with the reason of ONNX Runtime and goes on', async () => {
    const { engine } = await startEngine({ sessions: 1 });
    await expect(engine.infer([{ ...(inputs()[0] as Tensor), name: 'other' }])).rejects.toMatchObject({
      code: 'engine_failed',
    });
    expect((await engine.infer(inputs()))[0]?.shape).toEqual([1, 10]);
  });

  it('takes tensors that are views, and leaves inputs as they are', async () => {
    const { engine } = await startEngine({ sessions: 1 });
    const [whole] = inputs(100) as [Tensor];
    const padded = new Uint8Array(whole.data.length + 3);
    const view = { ...whole, data: padded.subarray(3) };
    const [expected] = await engine.infer([whole]);
    expect(whole.data.length).toBe(100 * 784 * 4);
    const [actual] = await engine.infer([view]);
    expect(actual).toEqual(expected);
  });

  it('ends a run whose client left, for the next one', async () => {
    // As a whole it would take many minutes: 54 TFLOP on one core.
    const { engine } = await startEngine({ sessions: 1, model: busyModel(1_000) });
    const leaving = new Cancellation();
    const left = engine.infer([sizeTensor(3_000)], { signal: leaving });
    const next = engine.infer([sizeTensor(1)]);
    // By then the run has begun.
    setTimeout(() => leaving.abort(), 100);
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    expect((await next)[0]?.shape).toEqual([]);
  });

  it('ends all its threads when closed, twice as well', async () => {
    const threadsBefore = threadCount();
    const { engine } = await startEngine({ sessions: 2 });
    expect(threadCount()).toBeGreaterThanOrEqual(threadsBefore + 2);
    await Promise.all([engine.close(), engine.close()]);
    expect(threadCount()).toBeLessThan(threadsBefore + 2);
    await expect(engine.infer(inputs())).rejects.toMatchObject({ code: 'engine_failed' });
  });
});

/** Lanes of this process by their kernel names would tell nothing: all threads have the process's. */
function threadCount(): number {
  return readdirSync('/proc/self/task').length;
}
