import { describe, expect, it } from 'vitest';
import type { Layer } from '../../../../compiler/network/network.ts';
import { quantiseAll } from '../../../../compiler/quantise/quantisation.ts';
import { type QuantisedPart, quantisePart } from '../../../../compiler/quantise/quantise.ts';
import { IntegerRegion } from '../../../../compiler/quantise/run-region.ts';
import type { RegionSample } from '../../../../compiler/quantise/samples.ts';
import { FloatModel } from '../../../support/float-model.ts';
import { evaluate, kindsOf, partOf, randomSamples, textOf } from '../../../support/quantised-part.ts';

const same = { kernel: [3, 3], attributes: { pads: [1, 1, 1, 1] } } as const;

/** Layers of an average that leaves padding out. */
const averageInside = ['convolution', 'slice', 'table', 'convolution', 'convolution', 'multiply'] as const;

/** Small models that together hold every operation, with the layers that they become. */
const models: Record<string, { model: () => Uint8Array; kinds: readonly Layer['kind'][] }> = {
  'activations: clamps and tables of a convolution, and one of their own': {
    model: () => {
      const model = new FloatModel({ seed: 21 });
      const input = model.input('input', [1, 3, 8, 8]);
      const clamped = model.add('Clip', [
        model.convolution(input, { from: 3, to: 8, ...same }),
        model.scalar(0),
        model.scalar(0.5),
      ]);
      const swish = model.add('HardSwish', [model.convolution(clamped, { from: 8, to: 8 })]);
      const branches = model.add('Add', [model.add('Sigmoid', [clamped]), swish]);
      return model.write([model.convolution(branches, { from: 8, to: 4 })]);
    },
    kinds: ['convolution', 'convolution', 'table', 'add', 'convolution'],
  },
  'activations behind what only moves elements': {
    model: () => {
      const model = new FloatModel({ seed: 29 });
      const pooled = model.add('MaxPool', [model.input('input', [1, 4, 8, 8])], { kernel_shape: [2, 2] });
      const clamped = model.add('Clip', [pooled, model.scalar(0), model.scalar(0.5)]);
      return model.write([model.convolution(clamped, { from: 4, to: 4 })]);
    },
    kinds: ['maximum-pool', 'table', 'convolution'],
  },
  'residual sums of one scale': {
    model: () => {
      const model = new FloatModel({ seed: 22 });
      const input = model.add('Relu', [
        model.convolution(model.input('input', [1, 3, 8, 8]), { from: 3, to: 8, ...same }),
      ]);
      const doubled = model.add('Add', [input, model.convolution(input, { from: 8, to: 8 })]);
      return model.write([model.add('Relu', [model.add('Add', [doubled, input])])]);
    },
    kinds: ['convolution', 'convolution', 'add', 'add'],
  },
  'squeeze and excite': {
    model: () => {
      const model = new FloatModel({ seed: 23 });
      const wide = model.convolution(model.input('input', [1, 3, 6, 7]), { from: 3, to: 8, ...same });
      const squeezed = model.add('Relu', [
        model.convolution(model.add('GlobalAveragePool', [wide]), { from: 8, to: 4 }),
      ]);
      const gate = model.add('HardSigmoid', [model.convolution(squeezed, { from: 4, to: 8 })]);
      return model.write([model.add('Relu', [model.add('Mul', [wide, gate])])]);
    },
    kinds: ['convolution', 'convolution', 'convolution', 'convolution', 'multiply'],
  },
  'concatenation of scales that differ': {
    model: () => {
      const model = new FloatModel({ seed: 24 });
      const input = model.input('input', [1, 4, 8, 8]);
      const large = model.add('Mul', [
        model.convolution(input, { from: 4, to: 3 }),
        model.floats([3, 2, 3], [1, 3, 1, 1]),
      ]);
      const small = model.convolution(input, { from: 4, to: 2 });
      const pooled = model.add('MaxPool', [input], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      const joined = model.add('Concat', [large, small, pooled], { axis: 1 });
      return model.write([model.convolution(joined, { from: 9, to: 5 })]);
    },
    // Convolutions take the concatenation's scale; what only moves elements goes through a table.
    kinds: ['convolution', 'maximum-pool', 'convolution', 'table', 'concat', 'convolution'],
  },
  'averages, resizing, slices and padding': {
    model: () => {
      const model = new FloatModel({ seed: 25 });
      const input = model.convolution(model.input('input', [1, 4, 8, 8]), { from: 4, to: 6 });
      const average = model.add('AveragePool', [input], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        count_include_pad: 1,
      });
      const factors = model.floats([1, 1, 2, 2]);
      const large = model.add('Resize', [average, '', factors], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'floor',
      });
      const slice = model.add('Slice', [
        large,
        model.integers([1]),
        model.integers([4]),
        model.integers([1]),
      ]);
      const padded = model.add('Pad', [slice, model.integers([0, 0, 1, 0, 0, 0, 0, 1]), model.scalar(1.5)]);
      return model.write([model.convolution(padded, { from: 3, to: 4, kernel: [3, 3] })]);
    },
    kinds: ['convolution', 'convolution', 'resize', 'slice', 'table', 'pad', 'convolution'],
  },
  'averages that leave padding out': {
    model: () => {
      const model = new FloatModel({ seed: 26 });
      const input = model.convolution(model.input('input', [1, 4, 9, 8]), { from: 4, to: 20 });
      const pads = [1, 1, 1, 1];
      const average = model.add('AveragePool', [input], { kernel_shape: [3, 3], pads });
      const bounded = model.add('Clip', [average, model.scalar(-0.5), model.scalar(0.5)]);
      const large = model.add('AveragePool', [bounded], { kernel_shape: [5, 5], pads: [2, 2, 2, 2] });
      return model.write([
        model.convolution(model.add('HardSwish', [large]), { from: 20, to: 4 }),
        model.add('AveragePool', [bounded], { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 }),
      ]);
    },
    kinds: ['convolution', ...averageInside, ...averageInside, ...averageInside, 'table', 'convolution'],
  },
};

async function integersOf(
  { network, quantisations }: QuantisedPart,
  sample: RegionSample,
): Promise<Int8Array[]> {
  const region = await IntegerRegion.load(network, { quantisations, told: network.outputs });
  const integers = await region.runIntegers(sample);
  await region.release();
  return integers;
}

describe('quantisePart', () => {
  it.each(Object.entries(models))('%s', async (_, { model, kinds }) => {
    const { part } = await partOf(model());
    const samples = randomSamples(part, { count: 6, seed: 77 });
    const quantised = await quantisePart(part, { method: 'auto', samples });
    expect(kindsOf(quantised.network)).toEqual(kinds);
    const { report, network, quantisations } = quantised;
    expect(report.score?.decibels).toBeGreaterThan(36);
    expect(report.tried.length).toBe(7);
    const best = report.tried.reduce((one, other) => (other.decibels > one.decibels ? other : one));
    expect(report.method).toBe(best.method);
    for (const { decibels } of report.layers) expect(decibels).toBeGreaterThan(32);
    // What ONNX Runtime computes is what the specification's arithmetic says.
    const [sample = []] = samples;
    const inputs = network.inputs.map(({ name }, index) =>
      quantiseAll(
        sample[index] ?? new Float32Array(0),
        quantisations.get(name) ?? { scale: 1, zeroPoint: 0 },
      ),
    );
    expect(evaluate(network, inputs)).toEqual(await integersOf(quantised, sample));
  });

  it('shuffles channels without a change to their integers', async () => {
    const model = new FloatModel({ seed: 31 });
    const input = model.input('input', [1, 4, 5, 6]);
    const wide = model.add('HardSwish', [model.convolution(input, { from: 4, to: 40, groups: 2 })]);
    const cut = model.add('Reshape', [wide, model.integers([1, 4, 10, 5, 6])]);
    const turned = model.add('Transpose', [cut], { perm: [0, 2, 1, 3, 4] });
    const shuffled = model.add('Reshape', [turned, model.integers([1, 40, 5, 6])]);
    const { part } = await partOf(model.write([wide, shuffled]));
    const samples = randomSamples(part, { count: 4, seed: 3 });
    const quantised = await quantisePart(part, { method: 'auto', samples });
    expect(kindsOf(quantised.network)).toEqual(['convolution', 'convolution']);
    const [before, after] = part.outputs.map(({ name }) => quantised.quantisations.get(name));
    expect(after).toEqual(before);
    const integers = await integersOf(quantised, samples[0] ?? []);
    const shuffle = part.operations.find(({ kind }) => kind === 'shuffle');
    const place = part.outputs.findIndex(({ name }) => name === shuffle?.output.name);
    const [moved, plain] = [integers[place], integers[1 - place]];
    const pixels = 30;
    const expected = Int8Array.from({ length: 40 * pixels }, (_, index) => {
      const channel = Math.floor(index / pixels);
      const source = (channel % 4) * 10 + Math.floor(channel / 4);
      return plain?.[source * pixels + (index % pixels)] ?? 0;
    });
    expect(moved).toEqual(expected);
  });

  it('gives the same bytes again, from any kind of iterable', async () => {
    const { part } = await partOf(models['squeeze and excite']?.model() ?? new Uint8Array(0));
    const samples = randomSamples(part, { count: 4, seed: 3 });
    const asynchronous = {
      async *[Symbol.asyncIterator]() {
        yield* samples;
      },
    };
    const first = await quantisePart(part, { method: 'auto', samples });
    const second = await quantisePart(part, { method: 'auto', samples: asynchronous });
    expect(textOf(second.network)).toBe(textOf(first.network));
    expect(second.report).toEqual(first.report);
  });

  it('does what the named method says', async () => {
    const { part } = await partOf(models['residual sums of one scale']?.model() ?? new Uint8Array(0));
    const samples = randomSamples(part, { count: 4, seed: 3 });
    const texts = new Set<string>();
    for (const correctsBias of [false, true]) {
      for (const observer of ['min-max', 'percentile-99.9'] as const) {
        const method = { observer, equalises: false, correctsBias };
        const { network, report } = await quantisePart(part, { method, samples });
        expect(report.method).toBe(`${observer}${correctsBias ? '+bias' : ''}`);
        expect(report.tried.map((tried) => tried.method)).toEqual([report.method]);
        texts.add(textOf(network));
      }
    }
    expect(texts.size).toBe(4);
  });

  it('gains by equalising channels of very different sizes', async () => {
    const model = new FloatModel({ seed: 30 });
    const wide = model.convolution(model.input('input', [1, 4, 8, 8]), { from: 4, to: 12 });
    const factors = Array.from({ length: 12 }, (_, channel) => 3 ** (channel % 5));
    const uneven = model.add('Mul', [wide, model.floats(factors, [1, 12, 1, 1])]);
    const even = model.add('Div', [model.add('Relu', [uneven]), model.floats(factors, [1, 12, 1, 1])]);
    const { part } = await partOf(model.write([model.convolution(even, { from: 12, to: 4 })]));
    const samples = randomSamples(part, { count: 4, seed: 3 });
    const decibelsOf = async (equalises: boolean): Promise<number> => {
      const method = { observer: 'min-max', equalises, correctsBias: false } as const;
      return (await quantisePart(part, { method, samples })).report.score?.decibels ?? 0;
    };
    expect(await decibelsOf(true)).toBeGreaterThan((await decibelsOf(false)) + 6);
  });

  it('takes sums that cancel out, finer than any operand', async () => {
    const model = new FloatModel({ seed: 28 });
    const wide = model.convolution(model.input('input', [1, 3, 6, 6]), { from: 3, to: 4 });
    const small = model.weights([4, 3, 1, 1], 1e-4);
    const negative = model.add('Neg', [model.add('Add', [wide, model.add('Conv', ['input', small])])]);
    const { part } = await partOf(model.write([model.add('Add', [wide, negative])]));
    const samples = randomSamples(part, { count: 4, seed: 3 });
    const { network, report } = await quantisePart(part, { method: 'auto', samples });
    expect(kindsOf(network)).toContain('add');
    // Nothing is left of a difference of 0.01 % in eight bits, and the report says so.
    expect(report.score?.decibels).toBeLessThan(3);
  });

  it('measures accuracy against labels, the float model itself being right', async () => {
    const model = new FloatModel({ seed: 26 });
    const input = model.input('input', [1, 16]);
    const hidden = model.add('Relu', [model.add('MatMul', [input, model.weights([16, 24], 0.4)])]);
    const { part } = await partOf(model.write([model.add('MatMul', [hidden, model.weights([24, 5], 0.4)])]));
    const samples = randomSamples(part, { count: 64, seed: 8 });
    const labels = samples.map(() => 2);
    const { report } = await quantisePart(part, { method: 'auto', samples, labels });
    expect(report.score?.agreement).toBeGreaterThan(0.9);
    const most = Math.max(...report.tried.map(({ accuracy = 0 }) => accuracy));
    expect(report.tried.find(({ method }) => method === report.method)?.accuracy).toBe(most);
    expect(report.floatAccuracy).toBeGreaterThan(0);
    expect(report.floatAccuracy).toBeLessThan(1);
    expect(Math.abs((report.score?.accuracy ?? 2) - (report.floatAccuracy ?? 0))).toBeLessThan(0.1);
  });

  it('says which end of a region would be better in float', async () => {
    const model = new FloatModel({ seed: 27 });
    const input = model.input('input', [1, 3, 12, 12]);
    // One input channel a hundred times the others' size, and weights that make up for it.
    const head = model.add('Conv', [input, model.floats([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1], [4, 3, 1, 1])]);
    let values = head;
    for (let layer = 0; layer < 3; layer += 1) {
      values = model.add('Relu', [
        model.convolution(values, { from: layer === 0 ? 4 : 32, to: 32, ...same }),
      ]);
    }
    const { part } = await partOf(model.write([values]));
    const samples = randomSamples(part, { count: 4, seed: 5 });
    for (const [sample] of samples) {
      for (let index = 0; index < 144; index += 1) sample?.set([(sample[index] ?? 0) * 100], index);
    }
    const [first] = part.operations;
    if (first?.kind !== 'convolution') throw new Error('no convolution');
    for (const row of [0, 1, 2, 3]) first.weights[row * 3] = (first.weights[row * 3] ?? 0) / 100;
    const { report } = await quantisePart(part, { method: 'auto', samples });
    expect(report.betterInFloat.map(({ operations }) => operations)).toEqual([[first.name]]);
    expect(report.betterInFloat[0]?.decibels).toBeGreaterThan(6);
  });
});

describe('bad calibration data', () => {
  const options = { method: 'auto' } as const;

  it.each([
    ['tensor_data', []],
    ['tensor_shape', [[new Float32Array(5)]]],
    ['tensor_shape', [[]]],
    ['tensor_data', [[new Float32Array(16).fill(Number.NaN)]]],
  ] as const)('is refused with %s', async (code, samples) => {
    const model = new FloatModel();
    const input = model.input('input', [1, 16]);
    const { part } = await partOf(model.write([model.add('MatMul', [input, model.weights([16, 4], 1)])]));
    await expect(quantisePart(part, { ...options, samples })).rejects.toMatchObject({ code });
  });

  it('needs a label for each sample, if any', async () => {
    const { part } = await partOf(models['squeeze and excite']?.model() ?? new Uint8Array(0));
    const samples = randomSamples(part, { count: 4, seed: 3 });
    const work = quantisePart(part, { ...options, samples, labels: [1, 2, 3] });
    await expect(work).rejects.toMatchObject({
      code: 'tensor_data',
      message: expect.stringContaining('3 labels'),
    });
  });

  it('is asked for where the model gives no scale', async () => {
    const model = new FloatModel();
    const input = model.input('input', [1, 16]);
    const { part } = await partOf(model.write([model.add('MatMul', [input, model.weights([16, 4], 1)])]));
    await expect(quantisePart(part, options)).rejects.toMatchObject({
      code: 'model_unsupported',
      message: expect.stringContaining('"input"'),
    });
  });

  it('names the tensor that overflows', async () => {
    const model = new FloatModel();
    const input = model.input('input', [1, 16]);
    const product = model.add('MatMul', [input, model.floats(new Array(64).fill(3e38), [16, 4])]);
    const { part } = await partOf(model.write([product]));
    const samples = [[new Float32Array(16).fill(1e10)]];
    await expect(quantisePart(part, { ...options, samples })).rejects.toMatchObject({
      code: 'model_invalid',
      message: expect.stringContaining(product),
    });
  });

  it('is left when the work is cancelled', async () => {
    const { part } = await partOf(models['squeeze and excite']?.model() ?? new Uint8Array(0));
    const samples = randomSamples(part, { count: 4, seed: 3 });
    const controller = new AbortController();
    const onSample = (done: number): void => {
      if (done === 2) controller.abort();
    };
    const work = quantisePart(part, { ...options, samples, signal: controller.signal, onSample });
    await expect(work).rejects.toMatchObject({ code: 'cancelled' });
  });
});
