import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ConvolutionOperation } from '../../../../compiler/import/graph.ts';
import { importModel } from '../../../../compiler/import/import-model.ts';
import { elementType } from '../../../../compiler/onnx/element-types.ts';
import { FloatModel } from '../../../support/float-model.ts';
import { repositoryPath } from '../../../support/paths.ts';
import { compareRebuilt, npuShare } from '../../../support/rebuilt-model.ts';

function golden(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(repositoryPath('test', 'golden', ...path)));
}

async function convolutionsOf(model: Uint8Array): Promise<ConvolutionOperation[]> {
  const { graph } = await importModel(model);
  return graph.operations.flatMap((operation) => (operation.kind === 'convolution' ? [operation] : []));
}

/** QuantizeLinear and DequantizeLinear with uint8 zero points, as ONNX Runtime's quantiser writes them. */
function roundTrip(model: FloatModel, x: string, { scale, zero }: { scale: number; zero: number }): string {
  const operands = [model.scalar(scale), model.bytes([zero], [], elementType.UINT8)];
  return model.add('DequantizeLinear', [model.add('QuantizeLinear', [x, ...operands]), ...operands]);
}

/** A convolution 4 -> 5 with int8 weights behind DequantizeLinear. */
function quantisedConvolution(model: FloatModel, x: string): string {
  const integers = Array.from({ length: 180 }, (_, index) => ((index * 37) % 255) - 127);
  const scales = model.floats([0.002, 0.003, 0.001, 0.004, 0.002]);
  const zeros = model.bytes([0, 0, 0, 0, 0], [5]);
  const weights = model.add('DequantizeLinear', [model.bytes(integers, [5, 4, 3, 3]), scales, zeros], {
    axis: 0,
  });
  return model.add('Conv', [x, weights], { pads: [1, 1, 1, 1] });
}

describe('a quantised model', () => {
  it.each(['cnn', 'mlp'])('digits %s has the same integers in QDQ and QLinear form', async (kind) => {
    const first = await convolutionsOf(golden('digits', `digits_${kind}_qdq_pc.onnx`));
    const second = await convolutionsOf(golden('digits', `digits_${kind}_qop_pc.onnx`));
    expect(first.length).toBeGreaterThan(1);
    expect(first.map(({ given }) => given)).toEqual(second.map(({ given }) => given));
    for (const { given, input, output, weights } of first) {
      expect(given?.biasIntegers?.length).toBe(output.channels);
      expect(given?.integers.length).toBe(weights.length);
      expect(input.quantisation?.scale).toBeGreaterThan(0);
    }
    expect(first.at(-1)?.output.quantisation).toEqual(second.at(-1)?.output.quantisation);
  });

  it('of uint8 activations is shifted to int8, its sums and pools keep their scales', async () => {
    const model = new FloatModel();
    const x = roundTrip(model, model.input('x', [1, 4, 8, 8]), { scale: 0.0078, zero: 128 });
    const first = roundTrip(model, model.add('Relu', [quantisedConvolution(model, x)]), {
      scale: 0.02,
      zero: 0,
    });
    const pooled = roundTrip(
      model,
      model.add('MaxPool', [first], { kernel_shape: [2, 2], strides: [2, 2] }),
      {
        scale: 0.02,
        zero: 0,
      },
    );
    const other = roundTrip(model, model.add('Mul', [pooled, model.scalar(-0.5)]), {
      scale: 0.01,
      zero: 255,
    });
    const sum = roundTrip(model, model.add('Add', [pooled, other]), { scale: 0.015, zero: 3 });
    const mean = roundTrip(model, model.add('GlobalAveragePool', [sum]), { scale: 0.01, zero: 0 });
    const { differing, differenceMax, partition, imported } = await compareRebuilt(model.write([mean]));
    expect(partition.regions[0]?.operations.map(({ kind }) => kind)).toEqual([
      'convolution',
      'activation',
      'maximum-pool',
      'activation',
      'add',
      'global-average',
    ]);
    expect(imported.graph.sources.map(({ quantisation }) => quantisation)).toEqual([
      { scale: Math.fround(0.0078), zeroPoint: 0 },
    ]);
    expect(imported.graph.operations[1]?.output.quantisation).toEqual({
      scale: Math.fround(0.02),
      zeroPoint: -128,
    });
    expect(npuShare(partition)).toBe(1);
    // One step of the output's scale where float sums round differently.
    expect(differenceMax).toBeLessThan(0.0101);
    expect(differing).toBeLessThan(0.1);
  });

  it.each(['integers', 'floats'])('shuffles channels of %s', async (kind) => {
    const model = new FloatModel();
    const scales = { scale: 0.03, zero: 120 };
    const x = roundTrip(model, model.input('x', [1, 4, 8, 8]), { scale: 0.0078, zero: 128 });
    const first = roundTrip(model, model.add('Conv', [x, model.weights([4, 4, 1, 1], 1)]), scales);
    const cut = [
      ['Reshape', [1, 2, 2, 8, 8]],
      ['Transpose', [0, 2, 1, 3, 4]],
      ['Reshape', [1, 4, 8, 8]],
    ] as const;
    const operands = [model.scalar(scales.scale), model.bytes([scales.zero], [], elementType.UINT8)];
    const moved = (input: string, [operator, sizes]: (typeof cut)[number]): string =>
      operator === 'Reshape'
        ? model.add(operator, [input, model.integers(sizes)])
        : model.add(operator, [input], { perm: sizes });
    let shuffled = first;
    if (kind === 'integers') {
      const integers = cut.reduce(moved, model.add('QuantizeLinear', [first, ...operands]));
      shuffled = model.add('DequantizeLinear', [integers, ...operands]);
    } else {
      for (const step of cut) shuffled = roundTrip(model, moved(shuffled, step), scales);
    }
    const y = roundTrip(model, quantisedConvolution(model, shuffled), { scale: 0.03, zero: 120 });
    const { differing, differenceMax, partition } = await compareRebuilt(model.write([y]));
    // The first convolution has float weights: nothing given is in the shuffle's way.
    expect(partition.regions[0]?.operations.map(({ kind: each }) => each)).toEqual([
      'convolution',
      'convolution',
    ]);
    expect(npuShare(partition)).toBe(1);
    expect(differenceMax).toBeLessThan(0.0301);
    expect(differing).toBeLessThan(0.01);
  });

  it('shuffles given weights with their scales and biases', async () => {
    const model = new FloatModel();
    const x = roundTrip(model, model.input('x', [1, 4, 8, 8]), { scale: 0.0078, zero: 128 });
    const scales = [0.002, 0.003, 0.001, 0.004];
    const zeros = model.bytes([0, 0, 0, 0], [4]);
    const integers = Array.from({ length: 16 }, (_, index) => ((index * 37) % 255) - 127);
    const weights = model.add(
      'DequantizeLinear',
      [model.bytes(integers, [4, 4, 1, 1]), model.floats(scales), zeros],
      { axis: 0 },
    );
    const biasScales = model.floats(scales.map((scale) => Math.fround(0.0078) * scale));
    const bias = model.add('DequantizeLinear', [model.words([500, -300, 100, 200]), biasScales], { axis: 0 });
    const first = roundTrip(model, model.add('Conv', [x, weights, bias]), { scale: 0.01, zero: 120 });
    const cut = model.add('Reshape', [first, model.integers([1, 2, 2, 8, 8])]);
    const turned = model.add('Transpose', [cut], { perm: [0, 2, 1, 3, 4] });
    const y = model.add('Reshape', [turned, model.integers([1, 4, 8, 8])]);
    const bytes = model.write([y]);
    const { differenceMax, differing } = await compareRebuilt(bytes);
    expect(differenceMax).toBeLessThan(0.0101);
    expect(differing).toBeLessThan(0.01);
    const [{ given } = {}, ...others] = await convolutionsOf(bytes);
    expect(others).toEqual([]);
    const rows = [0, 2, 1, 3];
    expect([...(given?.integers ?? [])]).toEqual(rows.flatMap((row) => integers.slice(4 * row, 4 * row + 4)));
    expect([...(given?.scales ?? [])]).toEqual(rows.map((row) => Math.fround(scales[row] ?? 0)));
    expect([...(given?.biasIntegers ?? [])]).toEqual([500, 100, -300, 200]);
  });

  it('whose scales change between operators gets a requantisation', async () => {
    const model = new FloatModel();
    const x = roundTrip(model, model.input('x', [1, 4, 8, 8]), { scale: 0.0078, zero: 128 });
    const coarse = roundTrip(model, x, { scale: 0.05, zero: 100 });
    const y = roundTrip(model, quantisedConvolution(model, coarse), { scale: 0.03, zero: 120 });
    const { differing, differenceMax, partition } = await compareRebuilt(model.write([y]));
    expect(partition.regions[0]?.operations.map(({ kind }) => kind)).toEqual(['activation', 'convolution']);
    expect(differenceMax).toBeLessThan(0.0301);
    expect(differing).toBeLessThan(0.01);
  });

  it('compares integers with what they mean', async () => {
    const model = new FloatModel();
    const byte = (value: number): string => model.bytes([value], [], elementType.UINT8);
    const operands = [model.scalar(0.01), byte(100)];
    const x = roundTrip(model, model.input('x', [1, 4, 8, 8]), { scale: 0.0078, zero: 128 });
    const integers = model.add('QuantizeLinear', [quantisedConvolution(model, x), ...operands]);
    const clipped = model.add('Min', [model.add('Max', [byte(90), integers]), byte(180)]);
    const pooled = model.add('MaxPool', [clipped], { kernel_shape: [2, 2] });
    const y = model.add('DequantizeLinear', [pooled, ...operands]);
    const bounded = model.add('DequantizeLinear', [
      model.add('Flatten', [model.add('Min', [integers, byte(120)])]),
      ...operands,
    ]);
    const { differenceMax, partition, imported } = await compareRebuilt(model.write([y, bounded]));
    expect(partition.stayed).toEqual([]);
    expect(imported.graph.operations.map(({ output }) => output.quantisation?.zeroPoint)).toEqual([
      -28, -28, -28, -28,
    ]);
    expect(differenceMax).toBeLessThan(0.0101);
  });

  it('with a bias of another scale keeps the float bias alone', async () => {
    const model = new FloatModel();
    const x = roundTrip(model, model.input('x', [1, 2, 4, 4]), { scale: 0.01, zero: 128 });
    const weights = model.add('DequantizeLinear', [
      model.bytes([1, 2, 3, 4], [2, 2, 1, 1]),
      model.scalar(0.5),
    ]);
    const bias = model.add('DequantizeLinear', [model.words([10, -20]), model.scalar(2 ** -8)]);
    const [convolution] = await convolutionsOf(model.write([model.add('Conv', [x, weights, bias])]));
    expect([...(convolution?.given?.integers ?? [])]).toEqual([1, 2, 3, 4]);
    expect(convolution?.given).not.toHaveProperty('biasIntegers');
    expect([...(convolution?.bias ?? [])]).toEqual([10 / 256, -20 / 256]);
  });

  it("of ONNX Runtime's own QLinear operators is spelled out", async () => {
    const model = new FloatModel();
    const scale = (value: number): string => model.scalar(value);
    const zero = (value: number): string => model.bytes([value], [], elementType.UINT8);
    const x = model.add('QuantizeLinear', [model.input('x', [1, 4, 6, 6]), scale(0.008), zero(127)]);
    const given = [scale(0.008), zero(127)];
    const leaky = model.add('QLinearLeakyRelu@com.microsoft', [x, ...given, scale(0.006), zero(60)], {
      alpha: 0.1,
    });
    const curve = model.add('QLinearSigmoid@com.microsoft', [x, ...given, scale(1 / 256), zero(0)]);
    const sum = model.add('QLinearAdd@com.microsoft', [
      leaky,
      scale(0.006),
      zero(60),
      curve,
      scale(1 / 256),
      zero(0),
      scale(0.01),
      zero(40),
    ]);
    const product = model.add('QLinearMul@com.microsoft', [
      sum,
      scale(0.01),
      zero(40),
      x,
      ...given,
      scale(0.012),
      zero(90),
    ]);
    const joined = model.add(
      'QLinearConcat@com.microsoft',
      [scale(0.015), zero(90), sum, scale(0.01), zero(40), product, scale(0.012), zero(90)],
      { axis: 1 },
    );
    const mean = model.add('QLinearGlobalAveragePool@com.microsoft', [
      joined,
      scale(0.015),
      zero(90),
      scale(0.01),
      zero(100),
    ]);
    // Larger weights saturate in ONNX Runtime's uint8 x int8 kernel on x64 without VNNI.
    const columns = model.bytes(
      Array.from({ length: 24 }, (_, index) => ((index * 91) % 127) - 63),
      [8, 3],
    );
    const flat = model.add('Flatten', [mean]);
    const logits = model.add('QLinearMatMul', [
      flat,
      scale(0.01),
      zero(100),
      columns,
      model.floats([0.01, 0.02, 0.03]),
      model.bytes([0, 0, 0], [3]),
      scale(0.02),
      zero(128),
    ]);
    const y = model.add('DequantizeLinear', [logits, scale(0.02), zero(128)]);
    const { differenceMax, partition } = await compareRebuilt(model.write([y]), { runs: 5 });
    expect(npuShare(partition)).toBe(1);
    expect(partition.stayed).toEqual([]);
    const [convolution] = partition.regions[0]?.operations.filter(({ kind }) => kind === 'convolution') ?? [];
    expect(convolution).toHaveProperty('given.integers');
    expect(differenceMax).toBeLessThan(0.0401);
  });
});
