import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { SequenceSettings } from '../../contract/image.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import type { ImageParts } from '../support/make-image.ts';
import { seededRandom } from '../support/random.ts';
import { exchange, postOf } from '../support/raw-http.ts';
import { accumulatorModel, busyModel } from '../support/serving-models.ts';
import { stagedModel } from '../support/staged-model.ts';

const settings: SequenceSettings = {
  state: [{ input: 'sum', output: 'next' }],
  idleMs: 60_000,
  sequencesMax: 4,
};
const stateful: ImageParts = { name: 'sums', model: accumulatorModel(), sequence: settings };
const infer = '/v2/models/sums/infer';
const gain = { name: 'gain', shape: [], datatype: 'FP32', data: [1] };

type Flags = Record<string, unknown>;

function vector(name: string, values: readonly number[]) {
  return { name, shape: [1, 3], datatype: 'FP32', data: values };
}

function part(id: number | string, values: readonly number[], parameters: Flags = {}) {
  return { inputs: [vector('x', values), gain], parameters: { sequence_id: id, ...parameters } };
}

interface InferAnswer {
  outputs: { name: string; data: number[] }[];
}

/** Serves the accumulator; `ask` gives `y`, or the code of the refusal. */
async function serve(change: Partial<SequenceSettings> = {}) {
  const scoring = await startScoring();
  await scoring.deploy('sums', { ...stateful, sequence: { ...settings, ...change } });
  const ask = async (...request: Parameters<typeof part>): Promise<unknown> => {
    const { json, code } = await scoring.post(infer, part(...request));
    return code ?? (json as InferAnswer).outputs.find(({ name }) => name === 'y')?.data;
  };
  return { scoring, ask };
}

const start = { sequence_start: true };
const end = { sequence_end: true };

describe('sequences of the Open Inference Protocol', () => {
  it('sum a stream up each, exactly, while others run', async () => {
    const { ask } = await serve();
    const random = seededRandom(7);
    const streams = ['a', 'b', 'c'].map((id) => ({ id, sums: [0, 0, 0] }));
    for (let step = 0; step < 40; step += 1) {
      const asked = streams.map(async ({ id, sums }) => {
        const values = sums.map(() => (random() % 2001) - 1000);
        for (const [index, value] of values.entries()) sums[index] = (sums[index] ?? 0) + value;
        expect(await ask(id, values, step === 0 ? start : {})).toEqual(sums);
      });
      await Promise.all(asked);
    }
  });

  it('begin, go on and end as their flags say, and with their image', async () => {
    const { scoring, ask } = await serve();
    expect(await ask(7, [1, 2, 3])).toBe('sequence_unknown');
    expect(await ask(7, [1, 2, 3], start)).toEqual([1, 2, 3]);
    expect(await ask('7', [1, 1, 1])).toEqual([2, 3, 4]);
    expect(await ask(7, [1, 1, 1], start)).toEqual([1, 1, 1]);
    expect(await ask(7, [1, 1, 1], end)).toEqual([2, 2, 2]);
    expect(await ask(7, [1, 1, 1], end)).toBe('sequence_unknown');
    expect(await ask('one', [4, 4, 4], { ...start, ...end })).toEqual([4, 4, 4]);
    expect(await ask('one', [1, 1, 1])).toBe('sequence_unknown');
    await ask(1, [1, 2, 3], start);
    await scoring.deploy('sums', { ...stateful, version: 2 });
    expect(await ask(1, [1, 1, 1])).toBe('sequence_unknown');
    expect(await ask(1, [1, 1, 1], start)).toEqual([1, 1, 1]);
  });

  it('hide the state, show it to those who ask, and take it at the start', async () => {
    const { scoring, ask } = await serve();
    const first = await scoring.post(infer, part(1, [1, 2, 3], start));
    expect((first.json as InferAnswer).outputs.map(({ name }) => name)).toEqual(['y']);
    const second = await scoring.post(infer, { ...part(1, [1, 1, 1]), outputs: [{ name: 'next' }] });
    expect((second.json as InferAnswer).outputs).toMatchObject([{ name: 'next', data: [2, 3, 4] }]);
    const given = part(2, [1, 1, 1], start);
    given.inputs.push(vector('sum', [10, 20, 30]));
    expect((await scoring.post(infer, given)).json).toMatchObject({ outputs: [{ data: [11, 21, 31] }] });
    expect(await ask(2, [1, 1, 1])).toEqual([12, 22, 32]);
    const late = part(2, [1, 1, 1]);
    late.inputs.push(vector('sum', [0, 0, 0]));
    expect((await scoring.post(infer, late)).code).toBe('tensor_name');
    // Without a sequence it is a model like any other.
    const plain = { inputs: [vector('x', [1, 1, 1]), gain, vector('sum', [5, 5, 5])] };
    const answer = await scoring.post(infer, plain);
    expect((answer.json as InferAnswer).outputs.map(({ name }) => name)).toEqual(['y', 'next']);
    plain.inputs.pop();
    expect((await scoring.post(infer, plain)).code).toBe('tensor_name');
    expect(await ask(2, [1, 1, 1])).toEqual([13, 23, 33]);
    expect((await scoring.get('/v2')).json).toMatchObject({
      extensions: expect.arrayContaining(['sequence']),
    });
    expect((await scoring.get('/v2/models/sums/config')).json).toMatchObject({
      sequence_batching: {
        max_sequence_idle_microseconds: 60_000_000,
        oldest: { max_candidate_sequences: 4 },
        state: [{ input_name: 'sum', output_name: 'next', data_type: 'TYPE_FP32', dims: [1, 3] }],
      },
    });
  });

  it.each([
    ['infer', infer],
    ['score', '/score'],
    ['predict', '/v1/models/sums:predict'],
  ])('keep the order in which bodies came, long or short (%s)', async (dialect, path) => {
    const { scoring } = await serve();
    const members = { x: [[1, 2, 3]], gain: 1 };
    const body = {
      infer: { inputs: [vector('x', [1, 2, 3]), gain] },
      score: members,
      predict: { inputs: members },
    };
    const text = JSON.stringify(body[dialect as keyof typeof body]);
    // What is long would be read in another thread, and what is short at once.
    const requests = [text.padEnd(300_000), text, text.padEnd(100_000), text].map((each, index) =>
      postOf(path, each, ['x-sluice-sequence-id: mic', `x-sluice-sequence-start: ${index === 0}`]),
    );
    const { answers } = await exchange(scoring.port, Buffer.concat(requests), { answers: requests.length });
    for (const [index, answer] of answers.entries()) {
      const sums = [1, 2, 3].map((value) => value * (index + 1));
      expect([answer.status, `${answer.body}`]).toEqual([200, expect.stringContaining(`[${sums}]`)]);
    }
    expect(answers).toHaveLength(requests.length);
  });

  it('work with tensors behind the JSON', async () => {
    const { scoring } = await serve();
    for (const [values, flags, expected] of [
      [[1, 2, 3], start, [1, 2, 3]],
      [[0.5, 0.25, 0.125], end, [1.5, 2.25, 3.125]],
    ] as const) {
      const json = JSON.stringify({
        inputs: [{ ...vector('x', []), data: undefined, parameters: { binary_data_size: 12 } }, gain],
        parameters: { sequence_id: 'binary', ...flags, binary_data_output: true },
      });
      const body = Buffer.concat([Buffer.from(json), Buffer.from(Float32Array.from(values).buffer)]);
      const response = await fetch(scoring.url + infer, {
        method: 'POST',
        body,
        headers: { 'inference-header-content-length': String(Buffer.byteLength(json)) },
      });
      const bytes = Buffer.from(await response.arrayBuffer());
      const tensors = bytes.subarray(Number(response.headers.get('inference-header-content-length')));
      expect([...new Float32Array(new Uint8Array(tensors).buffer)]).toEqual(expected);
    }
  });
});

describe('sequences', () => {
  it('are named by headers in every dialect, the same ones', async () => {
    const { scoring, ask } = await serve();
    const headers = (flags: Record<string, string> = {}) => ({
      headers: { 'x-sluice-sequence-id': 'mic', ...flags },
    });
    const body = { x: [[1, 2, 3]], gain: 1 };
    const score = await scoring.post('/score', body, headers({ 'x-sluice-sequence-start': 'true' }));
    expect([score.status, score.json]).toEqual([200, { y: [[1, 2, 3]] }]);
    expect(score.headers.get('x-sluice-route')).toBe('cpu');
    const predicted = await scoring.post('/v1/models/sums:predict', { inputs: body }, headers());
    expect(predicted.json).toEqual({ outputs: [[2, 4, 6]] });
    const inputs = [vector('x', [1, 1, 1]), gain];
    expect((await scoring.post(infer, { inputs }, headers())).json).toMatchObject({
      outputs: [{ data: [3, 5, 7] }],
    });
    expect(await ask('mic', [1, 1, 1])).toEqual([4, 6, 8]);
    const torn = await scoring.post(infer, part('other', [1, 1, 1]), headers());
    expect(torn.code).toBe('invalid_request');
    const last = await scoring.post('/score', body, headers({ 'x-sluice-sequence-end': 'true' }));
    expect(last.json).toEqual({ y: [[5, 8, 11]] });
    expect((await scoring.post('/score', body, headers())).code).toBe('sequence_unknown');
    const unclear = await scoring.post('/score', body, headers({ 'x-sluice-sequence-start': '1' }));
    expect(unclear.code).toBe('invalid_request');
  });

  it('go on after a request that fails', async () => {
    const { scoring, ask } = await serve();
    await ask(1, [1, 2, 3], start);
    const wrong = { inputs: [vector('x', [1, 2, 3])], parameters: { sequence_id: 1 } };
    expect((await scoring.post(infer, wrong)).code).toBe('tensor_name');
    const noRoute = await scoring.post(infer, part(1, [9, 9, 9]), { headers: { 'x-sluice-route': 'fpga' } });
    expect(noRoute.code).toBe('route_unavailable');
    expect(await ask(1, [9, 9, 9], { timeout: 1 })).toMatch(/^deadline_(unmet|passed)$/);
    expect(await ask(1, [1, 1, 1])).toEqual([2, 3, 4]);
  });

  it('expire when they are idle, and make room', async () => {
    const { scoring, ask } = await serve({ idleMs: 400, sequencesMax: 2 });
    expect(await ask(1, [1, 1, 1], start)).toEqual([1, 1, 1]);
    expect(await ask(2, [1, 1, 1], start)).toEqual([1, 1, 1]);
    const full = await scoring.post(infer, part(3, [1, 1, 1], start));
    if (full.status !== 200) {
      // Unless this machine took longer than that for three requests.
      expect([full.status, full.code]).toEqual([429, 'sequences_full']);
      expect(Number(full.headers.get('retry-after-ms'))).toBeLessThanOrEqual(400);
    }
    await sleep(500);
    expect(await ask(1, [1, 1, 1])).toBe('sequence_unknown');
    expect(await ask(3, [2, 2, 2], start)).toEqual([2, 2, 2]);
  });

  it('are not for models without state, nor for states that fit no model', async () => {
    const scoring = await startScoring();
    await scoring.deploy('busy', { model: busyModel() });
    const headers = { 'x-sluice-sequence-id': '7', 'x-sluice-sequence-start': 'true' };
    const refused = await scoring.post('/score', { size: [2, 2] }, { headers });
    expect([refused.status, refused.code]).toEqual([400, 'invalid_request']);
    const wrong = { ...settings, state: [{ input: 'sum', output: 'gain' }] };
    await expect(scoring.deploy('sums', { ...stateful, sequence: wrong })).rejects.toMatchObject({
      code: 'manifest_invalid',
    });
  });

  it('change routes without a trace', async () => {
    const scoring = await startScoring({ npu: 'ci' });
    const compiled = stagedModel('ci');
    const state = [{ input: 'bias', output: 'probabilities' }];
    await scoring.deploy('staged', {
      name: 'staged',
      model: compiled.canonicalModel,
      accelerate: 'ci',
      compiled,
      sequence: { ...settings, state },
    });
    const random = seededRandom(3);
    const frames = Array.from({ length: 6 }, () =>
      compiled.signature.inputs
        .filter(({ name }) => name !== 'bias')
        .map(({ name, shape: [, ...item] }) => {
          const count = item.reduce((product, size) => product * size, 1);
          const data = Array.from({ length: count }, () => Math.fround(random() / 2 ** 30 - 2));
          return { name, datatype: 'FP32', shape: [1, ...item], data };
        }),
    );
    const stream = async (id: string, routes: readonly string[]): Promise<string[]> => {
      const texts: string[] = [];
      for (const [index, inputs] of frames.entries()) {
        const route = routes[index % routes.length] as string;
        const answer = await scoring.post(
          '/v2/models/staged/infer',
          {
            inputs,
            outputs: [{ name: 'probabilities' }],
            parameters: { sequence_id: id, sequence_start: index === 0 },
          },
          { headers: { 'x-sluice-route': route } },
        );
        expect([answer.status, answer.headers.get('x-sluice-route')]).toEqual([200, route]);
        texts.push(answer.text);
      }
      return texts;
    };
    const onCpu = await stream('cpu', ['cpu']);
    expect(await stream('both', ['fpga-sim', 'cpu'])).toEqual(onCpu);
    expect(await stream('npu', ['fpga-sim'])).toEqual(onCpu);
    // The state matters: the last frame alone gives something else.
    const alone = await scoring.post('/v2/models/staged/infer', {
      inputs: frames.at(-1),
      outputs: [{ name: 'probabilities' }],
      parameters: { sequence_id: 'alone', sequence_start: true, sequence_end: true },
    });
    expect(onCpu.at(-1)).not.toBe(alone.text);
  });
});

describe('a scoring script', () => {
  it('takes part in the sequence of its request, or in one of its own', async () => {
    const scoring = await startScoring();
    await serveScript(
      scoring,
      `export async function run(input, context) {
        const { x, sequence = input.sequence } = input.json();
        const gain = { shape: [], data: [1] };
        const tensors = { x: { shape: [1, 3], data: x }, gain };
        const outputs = await context.infer(tensors, sequence === undefined ? {} : { sequence });
        return { names: Object.keys(outputs), y: [...outputs.y.data] };
      }`,
    );
    const headers = { 'x-sluice-sequence-id': 'mic' };
    const first = await scoring.post(
      '/score',
      { x: [1, 2, 3] },
      { headers: { ...headers, 'x-sluice-sequence-start': 'true' } },
    );
    expect(first.json).toEqual({ names: ['y'], y: [1, 2, 3] });
    expect((await scoring.post('/score', { x: [1, 1, 1] }, { headers })).json).toMatchObject({
      y: [2, 3, 4],
    });
    const own = { x: [5, 5, 5], sequence: { id: 'own', start: true } };
    expect((await scoring.post('/score', own, { headers })).json).toMatchObject({ y: [5, 5, 5] });
    const unknown = await scoring.post('/score', { x: [1, 1, 1], sequence: { id: 'nobody' } });
    expect([unknown.status, unknown.code]).toEqual([400, 'sequence_unknown']);
    const wrong = await scoring.post('/score', { x: [1, 1, 1], sequence: { id: 'own', start: 'yes' } });
    expect([wrong.status, wrong.code]).toEqual([400, 'invalid_request']);
    // Without a sequence the state is an input like any other, which this script does not give.
    expect((await scoring.post('/score', { x: [1, 1, 1] })).code).toBe('script_failed');
  });
});

function serveScript(scoring: LocalScoring, script: string): Promise<string> {
  return scoring.deploy('sums', { ...stateful, script, scriptSettings: { timeoutMs: 5_000, heapMiB: 64 } });
}
