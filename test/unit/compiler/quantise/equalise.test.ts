import { describe, expect, it } from 'vitest';
import type { FloatPart } from '../../../../compiler/import/to-onnx.ts';
import { equalise } from '../../../../compiler/quantise/equalise.ts';
import { observe } from '../../../../compiler/quantise/observe.ts';
import { FloatRegion } from '../../../../compiler/quantise/run-region.ts';
import { FloatModel, float } from '../../../support/float-model.ts';
import { partOf, randomSamples } from '../../../support/quantised-part.ts';

/** conv - activation - depthwise - activation - pool - grouped conv, with channels of very different sizes. */
function chain(activation: (model: FloatModel, input: string) => string): Uint8Array {
  const model = new FloatModel({ seed: 4 });
  const input = model.input('input', [1, 4, 8, 8]);
  const sizes = model.floats(
    Array.from({ length: 12 }, (_, channel) => 3 ** (channel % 4)),
    [1, 12, 1, 1],
  );
  const wide = model.add('Mul', [model.convolution(input, { from: 4, to: 12 }), sizes]);
  const filtered = model.convolution(activation(model, wide), {
    from: 12,
    to: 12,
    groups: 12,
    kernel: [3, 3],
    attributes: { pads: [1, 1, 1, 1] },
  });
  const pooled = model.add('MaxPool', [activation(model, filtered)], {
    kernel_shape: [2, 2],
    strides: [2, 2],
  });
  return model.write([model.convolution(pooled, { from: 12, to: 6, groups: 2 })]);
}

async function outputOf(part: FloatPart, sample: readonly Float32Array[]): Promise<Float32Array> {
  const region = await FloatRegion.load(part, part.outputs);
  const [output = new Float32Array(0)] = await region.run(sample);
  await region.release();
  return output;
}

/** Largest size of a channel of the map that the depthwise convolution reads, through the smallest. */
async function spread(part: FloatPart, samples: readonly (readonly Float32Array[])[]): Promise<number> {
  const depthwise = part.operations.find(
    (operation) => operation.kind === 'convolution' && operation.groups === 12,
  );
  if (depthwise?.kind !== 'convolution') throw new Error('no depthwise convolution');
  const sizes = (await observe(part, samples)).get(depthwise.input.name)?.sizes ?? new Float64Array(0);
  return Math.max(...sizes) / Math.min(...sizes);
}

describe('equalise', () => {
  it.each([
    ['ReLU', (model: FloatModel, input: string) => model.add('Relu', [input])],
    [
      'leaky ReLU',
      (model: FloatModel, input: string) => model.add('LeakyRelu', [input], { alpha: float(0.1) }),
    ],
  ])('brings channels behind %s to one size and computes the same', async (_, activation) => {
    const { part } = await partOf(chain(activation));
    const samples = randomSamples(part, { count: 3, seed: 9 });
    const equalised = equalise(part, await observe(part, samples));
    expect(await spread(part, samples)).toBeGreaterThan(15);
    expect(await spread(equalised, samples)).toBeLessThan(1.01);
    const [sample = []] = samples;
    const expected = await outputOf(part, sample);
    const actual = await outputOf(equalised, sample);
    const largest = Math.max(...expected.map(Math.abs));
    for (const [index, value] of expected.entries()) {
      expect(Math.abs((actual[index] ?? Number.NaN) - value)).toBeLessThan(1e-5 * largest);
    }
  });

  it.each([
    [
      'ReLU6',
      (model: FloatModel, input: string) => model.add('Clip', [input, model.scalar(0), model.scalar(6)]),
    ],
    ['hard-swish', (model: FloatModel, input: string) => model.add('HardSwish', [input])],
  ])('leaves channels behind %s, which factors do not pass', async (_, activation) => {
    const { part } = await partOf(chain(activation));
    const samples = randomSamples(part, { count: 1, seed: 9 });
    expect(equalise(part, await observe(part, samples)).operations).toEqual(part.operations);
  });

  it('leaves a map that something else reads', async () => {
    const model = new FloatModel({ seed: 5 });
    const first = model.convolution(model.input('input', [1, 4, 6, 6]), { from: 4, to: 4 });
    const second = model.convolution(model.add('Relu', [first]), { from: 4, to: 4 });
    const { part } = await partOf(model.write([model.add('Add', [first, second])]));
    const samples = randomSamples(part, { count: 1, seed: 9 });
    expect(equalise(part, await observe(part, samples)).operations).toEqual(part.operations);
  });
});
