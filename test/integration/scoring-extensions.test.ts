import { describe, expect, it, vi } from 'vitest';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { startScoring } from '../support/local-scoring.ts';
import { busyModel, identityModel } from '../support/serving-models.ts';

const image = [...floatInput(fashionSet(), 0)];
const input = { name: 'input', shape: [1, 784], datatype: 'FP32', data: image };
const infer = '/v2/models/fashion/infer';

interface InferAnswer {
  outputs: { name: string; shape: number[]; datatype: string; data: unknown[] }[];
}

describe("Triton's extensions", () => {
  it('describe a model in the form of its configuration', async () => {
    const scoring = await startScoring({ npu: 'ci' });
    await scoring.deploy('fashion', { accelerate: 'ci' });
    expect((await scoring.get('/v2/models/fashion/config')).json).toMatchObject({
      name: 'fashion',
      platform: 'onnxruntime_onnx',
      max_batch_size: 128,
      input: [{ name: 'input', data_type: 'TYPE_FP32', dims: [784] }],
      output: [{ name: 'logits', data_type: 'TYPE_FP32', dims: [10] }],
      instance_group: [{ name: 'fashion_cpu' }, { name: 'fashion_fpga-sim' }],
    });
    await scoring.deploy('busy', { model: busyModel() });
    expect((await scoring.get('/v2/models/busy/versions/1/config')).json).toMatchObject({
      max_batch_size: 0,
      input: [{ name: 'size', data_type: 'TYPE_INT64', dims: [2] }],
      output: [{ name: 'sum', dims: [] }],
    });
    await scoring.deploy('texts', { model: identityModel(['BYTES']) });
    expect((await scoring.get('/v2/models/texts/config')).json).toMatchObject({
      input: [{ data_type: 'TYPE_STRING' }],
    });
    await scoring.deploy('short', { model: identityModel(['BF16']) });
    expect((await scoring.get('/v2/models/short/config')).json).toMatchObject({
      input: [{ data_type: 'TYPE_BF16' }],
    });
  });

  it('count requests, their phases and their sizes', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const before = Date.now();
    await scoring.post(infer, { inputs: [input] });
    await scoring.post(infer, { inputs: [{ ...input, shape: [3, 784], data: [image, image, image] }] });
    await scoring.post(infer, { inputs: [{ ...input, shape: [1, 783] }] });
    // Whatever the dialect.
    await scoring.post('/score', { input: [image, image] });
    await scoring.post('/v1/models/fashion:predict', { instances: [image] });
    await scoring.post('/v1/models/fashion:predict', { instances: [[1]] });
    const { model_stats: all } = (await scoring.get('/v2/models/fashion/stats')).json as {
      model_stats: Record<string, Record<string, unknown>>[];
    };
    const [stats] = all;
    expect(stats).toMatchObject({
      name: 'fashion',
      version: '1',
      inference_count: 7,
      execution_count: 4,
      inference_stats: { success: { count: 4 }, fail: { count: 2 }, cache_miss: { count: 0, ns: 0 } },
      batch_stats: [
        { batch_size: 1, compute_infer: { count: 2 } },
        { batch_size: 3, compute_infer: { count: 1 } },
        { batch_size: 2, compute_infer: { count: 1 } },
      ],
    });
    expect(stats?.last_inference).toBeGreaterThanOrEqual(before);
    const sums = stats?.inference_stats as unknown as Record<string, { count: number; ns: number }>;
    const parts = ['queue', 'compute_input', 'compute_infer', 'compute_output'].map(
      (name) => sums[name]?.ns ?? 0,
    );
    expect(sums.compute_infer?.ns).toBeGreaterThan(0);
    expect(parts.reduce((sum, ns) => sum + ns, 0)).toBeLessThanOrEqual(sums.success?.ns ?? 0);
    expect((await scoring.get('/v2/models/stats')).json).toEqual({ model_stats: all });
  });

  it('classify an output item by item', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const whole = (await scoring.post(infer, { inputs: [input] })).json as InferAnswer;
    const logits = whole.outputs[0]?.data as number[];
    const order = logits
      .map((_, index) => index)
      .sort((one, other) => (logits[other] ?? 0) - (logits[one] ?? 0));
    const expected = order.slice(0, 2).map((index) => `${logits[index]?.toFixed(6)}:${index}`);
    const answer = await scoring.post(infer, {
      inputs: [{ ...input, shape: [2, 784], data: [image, image] }],
      outputs: [{ name: 'logits', parameters: { classification: 2 } }],
    });
    expect((answer.json as InferAnswer).outputs).toEqual([
      { name: 'logits', datatype: 'BYTES', shape: [2, 2], data: [...expected, ...expected] },
    ]);
    const many = await scoring.post(infer, {
      inputs: [input],
      outputs: [{ name: 'logits', parameters: { classification: 1000 } }],
    });
    expect((many.json as InferAnswer).outputs[0]?.shape).toEqual([1, 10]);
  });

  it('classify the largest first, equals by index, NaN last', async () => {
    const scoring = await startScoring();
    await scoring.deploy('identity', { model: identityModel(['FP32', 'INT64', 'BF16']) });
    const ask = async (classes: number): Promise<unknown[]> => {
      const answer = await scoring.post('/v2/models/identity/infer', {
        inputs: [
          { name: 'in_fp32', shape: [2, 3], datatype: 'FP32', data: [1, 'NaN', 'Infinity', 0, 1e22, -0.5] },
          {
            name: 'in_int64',
            shape: [2, 3],
            datatype: 'INT64',
            data: [5, 7, 7, '9223372036854775807', -1, 0],
          },
          { name: 'in_bf16', shape: [2, 3], datatype: 'BF16', data: [-2, 'NaN', 0.5, -1, 3, '-Infinity'] },
        ],
        outputs: ['out_fp32', 'out_int64', 'out_bf16'].map((name) => ({
          name,
          parameters: { classification: classes },
        })),
      });
      return (answer.json as InferAnswer).outputs.map(({ data }) => data);
    };
    const size = BigInt(Math.fround(1e22));
    expect(await ask(3)).toEqual([
      ['inf:2', '1.000000:0', 'nan:1', `${size}.000000:1`, '0.000000:0', '-0.500000:2'],
      ['7:1', '7:2', '5:0', '9223372036854775807:0', '0:2', '-1:1'],
      ['0.500000:2', '-2.000000:0', 'nan:1', '3.000000:1', '-1.000000:0', '-inf:2'],
    ]);
    expect(await ask(1)).toEqual([
      ['inf:2', `${size}.000000:1`],
      ['7:1', '9223372036854775807:0'],
      ['0.500000:2', '3.000000:1'],
    ]);
  });

  it('refuse parameters that mean nothing', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const wrong: [string, unknown][] = [
      ['a priority beyond the last', { inputs: [input], parameters: { priority: 11 } }],
      ['a timeout of text', { inputs: [input], parameters: { timeout: '5' } }],
      ['a sequence', { inputs: [input], parameters: { sequence_id: 7, sequence_start: true } }],
      [
        'binary_data of text',
        { inputs: [input], outputs: [{ name: 'logits', parameters: { binary_data: 'x' } }] },
      ],
      [
        'more classes than anybody reads',
        { inputs: [input], outputs: [{ name: 'logits', parameters: { classification: 1001 } }] },
      ],
      [
        'a class count below 0',
        { inputs: [input], outputs: [{ name: 'logits', parameters: { classification: -1 } }] },
      ],
    ];
    for (const [what, body] of wrong) {
      const answer = await scoring.post(infer, body);
      expect([what, answer.status, answer.code]).toEqual([what, 400, 'invalid_request']);
    }
    const fine = await scoring.post(infer, {
      inputs: [input],
      parameters: { sequence_id: 0, priority: 0, timeout: 0 },
    });
    expect(fine.status).toBe(200);
  });
});

describe('a deadline', () => {
  it('that cannot be met is refused on arrival, with the time to come again', async () => {
    const scoring = await startScoring();
    await scoring.deploy('busy', { model: busyModel(200), sessions: 1 });
    const busy = (size: number) => ({
      inputs: [{ name: 'size', shape: [2], datatype: 'INT64', data: [size, size] }],
    });
    const path = '/v2/models/busy/infer';
    // Five runs and more settle the estimate.
    const runsMs: number[] = [];
    for (let run = 0; run < 8; run += 1) {
      const startedMs = performance.now();
      await scoring.post(path, busy(240));
      runsMs.push(performance.now() - startedMs);
    }
    const runMs = Math.min(...runsMs);
    // Would take many seconds, and ends with its client.
    const leaving = new AbortController();
    const running = scoring.post(path, busy(2_000), { signal: leaving.signal }).catch(() => 'left');
    // Enough for one run, and another has begun. Until it has, and where the machine stalls, time may run out later.
    const [inHeader, inParameter] = [runMs.toFixed(3), Math.round(runMs * 1000)];
    const headers = { 'x-request-timeout-ms': inHeader };
    for (const ask of [
      () => scoring.post(path, busy(240), { headers }),
      () => scoring.post(path, { ...busy(240), parameters: { timeout: inParameter } }),
    ]) {
      await vi.waitFor(async () => {
        const unmet = await ask();
        expect([unmet.status, unmet.code]).toEqual([429, 'deadline_unmet']);
      }, 20_000);
    }
    leaving.abort();
    expect(await running).toBe('left');
    const inTime = await scoring.post(path, busy(240), { headers: { 'x-request-timeout-ms': '60000' } });
    expect(inTime.status).toBe(200);
  });

  it('that passes meanwhile is answered with 408, and the engine goes on', async () => {
    const scoring = await startScoring();
    await scoring.deploy('busy', { model: busyModel(), sessions: 1 });
    const busy = (size: number) => ({
      inputs: [{ name: 'size', shape: [2], datatype: 'INT64', data: [size, size] }],
    });
    const path = '/v2/models/busy/infer';
    for (let run = 0; run < 6; run += 1) await scoring.post(path, busy(8));
    const late = await scoring.post(path, busy(1600), { headers: { 'x-request-timeout-ms': '50' } });
    expect([late.status, late.code]).toEqual([408, 'deadline_passed']);
    expect((await scoring.post(path, busy(8))).status).toBe(200);
  });

  it.each(['0', '-5', 'soon', '1e3', ''])('of %j milliseconds is no deadline', async (text) => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const answer = await scoring.post(
      infer,
      { inputs: [input] },
      { headers: { 'x-request-timeout-ms': text } },
    );
    expect([answer.status, answer.code]).toEqual([400, 'invalid_request']);
  });
});

describe('model control', () => {
  it('takes a model out of service and puts it back', async () => {
    const scoring = await startScoring({ endpoint: { allowsModelControl: true } });
    const digest = await scoring.deploy('fashion');
    const index = async (body?: unknown) => (await scoring.post('/v2/repository/index', body ?? '')).json;
    expect(await index()).toEqual([{ name: 'fashion', version: '1', state: 'READY', reason: '' }]);
    expect((await scoring.post('/v2/repository/models/fashion/unload', {})).status).toBe(200);
    expect(await index()).toEqual([{ name: 'fashion', state: 'UNAVAILABLE', reason: 'unloaded' }]);
    expect(await index({ ready: true })).toEqual([]);
    const gone = await scoring.post(infer, { inputs: [input] });
    expect([gone.status, gone.code]).toEqual([503, 'not_ready']);
    expect((await scoring.post('/v2/repository/models/fashion/load', '')).status).toBe(200);
    const back = await scoring.post(infer, { inputs: [input] });
    expect([back.status, back.headers.get('x-sluice-image')]).toEqual([200, digest]);
    // What is done already is no error.
    expect((await scoring.post('/v2/repository/models/fashion/load', '')).status).toBe(200);
    const unknown = await scoring.post('/v2/repository/models/other/load', '');
    expect([unknown.status, unknown.code]).toEqual([404, 'unknown_model']);
  });

  it('forgets what was unloaded once the deployment is removed or activated anew', async () => {
    const scoring = await startScoring({ endpoint: { allowsModelControl: true } });
    await scoring.deploy('fashion');
    await scoring.post('/v2/repository/models/fashion/unload', '');
    await scoring.deployments.remove('fashion');
    expect((await scoring.post('/v2/repository/index', '')).json).toEqual([]);
    await scoring.deploy('fashion');
    await scoring.post('/v2/repository/models/fashion/unload', '');
    await scoring.deploy('fashion', { version: 2 });
    expect((await scoring.post('/v2/repository/index', '')).json).toMatchObject([
      { version: '2', state: 'READY' },
    ]);
  });

  it('is off unless the device allows it', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    for (const action of ['load', 'unload']) {
      const answer = await scoring.post(`/v2/repository/models/fashion/${action}`, '');
      expect([answer.status, answer.code]).toEqual([403, 'forbidden']);
    }
    expect((await scoring.post(infer, { inputs: [input] })).status).toBe(200);
  });
});
