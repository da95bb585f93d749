import { describe, expect, it } from 'vitest';
import type { ConvolutionOperation } from '../../../../compiler/import/graph.ts';
import { elementType } from '../../../../compiler/onnx/element-types.ts';
import { givenRefusal } from '../../../../compiler/quantise/given.ts';
import { quantisePart } from '../../../../compiler/quantise/quantise.ts';
import { IntegerRegion } from '../../../../compiler/quantise/run-region.ts';
import { RuntimeModel } from '../../../../ort/runtime-model.ts';
import { FloatModel } from '../../../support/float-model.ts';
import { kindsOf, partOf, randomSamples } from '../../../support/quantised-part.ts';
import { seededRandom } from '../../../support/random.ts';

interface Scale {
  scale: number;
  zero: number;
}

/** A QDQ model under construction: every tensor passes QuantizeLinear and DequantizeLinear. */
class QuantisedModel extends FloatModel {
  readonly #code: number;
  readonly #random: () => number;

  constructor({ code, seed }: { code: number; seed: number }) {
    super({ seed });
    this.#code = code;
    this.#random = seededRandom(seed);
  }

  rounded(input: string, { scale, zero }: Scale): string {
    const operands = [this.scalar(scale), this.bytes([zero], [], this.#code)];
    return this.add('DequantizeLinear', [this.add('QuantizeLinear', [input, ...operands]), ...operands]);
  }

  integerWeights(shape: readonly number[], scale: number): string {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => (this.#random() % 255) - 127);
    return this.add('DequantizeLinear', [this.bytes(values, shape), this.scalar(scale), this.bytes([0], [])]);
  }

  integerConvolution(
    input: string,
    { from, to, inputScale }: { from: number; to: number; inputScale: number },
  ): string {
    const weights = this.integerWeights([to, from, 1, 1], 0.004);
    const bias = this.words(Array.from({ length: to }, (_, index) => 100 * index - 300));
    const scale = this.scalar(Math.fround(inputScale * Math.fround(0.004)));
    return this.add('Conv', [input, weights, this.add('DequantizeLinear', [bias, scale])]);
  }
}

const scales = {
  input: { scale: 0.0079, zero: 3 },
  wide: { scale: 0.013, zero: -20 },
  swish: { scale: 0.009, zero: -77 },
  pooled: { scale: 0.0117, zero: -60 },
  sum: { scale: 0.0213, zero: 10 },
} as const;

/** Convolution - hard-swish, each rounded - MaxPool to another scale - Add. */
function quantisedModel(code: number): Uint8Array {
  const shift = code === elementType.UINT8 ? 128 : 0;
  const at = ({ scale, zero }: Scale): Scale => ({ scale: Math.fround(scale), zero: zero + shift });
  const model = new QuantisedModel({ code, seed: 31 });
  const input = model.rounded(model.input('input', [1, 4, 6, 6]), at(scales.input));
  const wide = model.rounded(
    model.integerConvolution(input, { from: 4, to: 8, inputScale: Math.fround(scales.input.scale) }),
    at(scales.wide),
  );
  const swish = model.rounded(model.add('HardSwish', [wide]), at(scales.swish));
  const pooled = model.add('MaxPool', [swish], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  const moved = model.rounded(pooled, at(scales.pooled));
  const second = model.integerConvolution(moved, {
    from: 8,
    to: 8,
    inputScale: Math.fround(scales.pooled.scale),
  });
  const rounded = model.rounded(second, at(scales.wide));
  return model.write([model.rounded(model.add('Add', [rounded, moved]), at(scales.sum))]);
}

describe('a model that brings its own quantisation', () => {
  it.each([
    ['int8', elementType.INT8],
    ['uint8, as int8 128 lower', elementType.UINT8],
  ])('keeps it without any calibration: %s', async (_, code) => {
    const model = quantisedModel(code);
    const { part } = await partOf(model);
    const { network, quantisations, report } = await quantisePart(part, { method: 'auto' });
    expect(kindsOf(network)).toEqual(['convolution', 'maximum-pool', 'table', 'convolution', 'add']);
    expect(report).toMatchObject({ method: 'given', tried: [], layers: [], sampleCount: 0 });
    const kept = [...quantisations.values()].map(({ scale, zeroPoint }) => `${scale} ${zeroPoint}`);
    for (const { scale, zero } of Object.values(scales))
      expect(kept).toContain(`${Math.fround(scale)} ${zero}`);

    const original = await RuntimeModel.load(model, { fusesQuantisation: false });
    const region = await IntegerRegion.load(network, { quantisations, told: network.outputs });
    let differing = 0;
    let count = 0;
    for (const [sample = new Float32Array(0)] of randomSamples(part, { count: 8, seed: 4 })) {
      const data = new Uint8Array(sample.buffer);
      const [expected] = (
        await original.run([{ name: 'input', datatype: 'FP32', shape: [1, 4, 6, 6], data }])
      ).values();
      const floats = new Float32Array(expected?.data.buffer ?? new ArrayBuffer(0), expected?.data.byteOffset);
      const [actual = new Float32Array(0)] = await region.run([sample]);
      for (const [index, value] of actual.entries()) {
        const steps = Math.abs(value - (floats[index] ?? Number.NaN)) / scales.sum.scale;
        // Float convolutions of a QDQ model may round a tie the other way, which a step later is one step.
        expect(steps).toBeLessThan(1.01);
        if (steps > 0.01) differing += 1;
        count += 1;
      }
    }
    expect(differing / count).toBeLessThan(0.002);
    await original.release();
    await region.release();
  });

  it('keeps its scales when there are samples, which then only measure', async () => {
    const { part } = await partOf(quantisedModel(elementType.INT8));
    const plain = await quantisePart(part, { method: 'auto' });
    const samples = randomSamples(part, { count: 4, seed: 6 });
    const measured = await quantisePart(part, { method: 'auto', samples });
    expect(measured.network).toEqual(plain.network);
    expect(measured.report.tried.map(({ method }) => method)).toEqual(['given']);
    expect(measured.report.score?.decibels).toBeGreaterThan(30);
  });
});

/** The first convolution of the model, changed. */
async function convolutionWith(change: Partial<ConvolutionOperation>): Promise<ConvolutionOperation> {
  const { part } = await partOf(quantisedModel(elementType.INT8));
  const found = part.operations.find(({ kind }) => kind === 'convolution');
  if (found?.kind !== 'convolution') throw new Error('no convolution');
  return { ...found, ...change };
}

describe('givenRefusal', () => {
  it('has none for what is exact', async () => {
    const { part } = await partOf(quantisedModel(elementType.INT8));
    expect(part.operations.map(givenRefusal).filter((reason) => reason !== undefined)).toEqual([]);
  });

  it('names scales out of reach', async () => {
    const convolution = await convolutionWith({});
    const input = { ...convolution.input, quantisation: { scale: 2 ** -80, zeroPoint: 0 } };
    expect(givenRefusal({ ...convolution, input })).toContain('2^-60');
  });

  it('names sums that make ties', async () => {
    const { input } = await convolutionWith({});
    const scale = Math.fround(0.037);
    const map = { ...input, quantisation: { scale, zeroPoint: 3 } };
    const output = { ...input, quantisation: { scale: 2 * scale, zeroPoint: 5 } };
    expect(givenRefusal({ kind: 'add', name: 'a', nodes: [], first: map, second: map, output })).toContain(
      'ties',
    );
  });
});
