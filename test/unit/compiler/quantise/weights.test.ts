import { describe, expect, it } from 'vitest';
import type { ConvolutionOperation } from '../../../../compiler/import/graph.ts';
import { quantiseWeights } from '../../../../compiler/quantise/weights.ts';

const window = {
  kernelRows: 1,
  kernelColumns: 2,
  strideRows: 1,
  strideColumns: 1,
  dilationRows: 1,
  dilationColumns: 1,
  padTop: 0,
  padLeft: 0,
  padBottom: 0,
  padRight: 0,
};

/** Two groups of one input and two output channels each, two taps. */
function grouped(weights: readonly number[], bias: readonly number[]): ConvolutionOperation {
  const map = (name: string, channels: number, columns: number) => ({
    name,
    channels,
    rows: 1,
    columns,
    tensors: [],
  });
  return {
    kind: 'convolution',
    name: 'c',
    nodes: [],
    input: map('x', 2, 5),
    output: map('y', 4, 4),
    window,
    groups: 2,
    weights: Float32Array.from(weights),
    bias: Float32Array.from(bias),
  };
}

const quantisations = { input: { scale: 0.5, zeroPoint: 3 }, output: { scale: 0.25, zeroPoint: -7 } };

describe('quantiseWeights', () => {
  it('gives each output channel a symmetric scale', () => {
    const operation = grouped([1, -2, 0.5, 0.25, 0, 0, -3, 3], [1, 2, 3, -4]);
    const { weights, bias, scales } = quantiseWeights(operation, quantisations);
    expect([...weights]).toEqual([64, -127, 127, 64, 0, 0, -127, 127]);
    const scale = (channel: number): number => ((scales[channel] ?? 0) * 0.25) / 0.5;
    expect(scale(0) * 127).toBeCloseTo(2, 5);
    expect(scale(3) * 127).toBeCloseTo(3, 5);
    for (const [channel, value] of [1, 2, 3, -4].entries()) {
      expect((bias[channel] ?? 0) * scale(channel) * 0.5).toBeCloseTo(value, 1);
    }
  });

  it('keeps the bias of a channel of zeros, and of one with hardly any weight', () => {
    const { weights, bias, scales } = quantiseWeights(
      grouped([0, 0, 1e-12, 0, 1, 1, 1, 1], [5, -7, 0, 0]),
      quantisations,
    );
    expect(Math.max(...bias.map(Math.abs))).toBeLessThanOrEqual(2 ** 30);
    for (const [channel, value] of [5, -7].entries()) {
      expect(((bias[channel] ?? 0) * (scales[channel] ?? 0) * 0.25) / value).toBeCloseTo(1, 4);
    }
    expect([...weights.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
  });

  it('takes a channel of nothing', () => {
    const { scales, bias } = quantiseWeights(grouped([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0]), quantisations);
    expect([...bias]).toEqual([0, 0, 0, 0]);
    expect(scales.every((scale) => scale > 0 && Number.isFinite(scale))).toBe(true);
  });

  it("corrects a bias by what rounding its own group's weights changes on average", () => {
    // 127 steps are 1; 0.1 is 12.7 of them and rounds to 13, an error of 0.3 / 127.
    const operation = grouped([1, 0.1, 1, 1, 1, 0.1, 1, 1], [0, 0, 0, 0]);
    const inputMeans = Float64Array.of(1000, -5000);
    const { bias, scales } = quantiseWeights(operation, { ...quantisations, inputMeans });
    const corrections = [...bias].map((value, channel) => value * (scales[channel] ?? 0) * 0.25);
    expect(corrections[0]).toBeCloseTo((-0.3 / 127) * 1000, 1);
    expect(corrections[1]).toBeCloseTo(0, 2);
    expect(corrections[2]).toBeCloseTo((0.3 / 127) * 5000, 1);
  });

  it('takes given integers, scales and biases as they are', () => {
    const given = {
      integers: Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      scales: Float32Array.of(0.1, 0.2, 0.3, 0.4),
      biasIntegers: Int32Array.of(9, 10, 11, 12),
    };
    const result = quantiseWeights(
      { ...grouped([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0]), given },
      quantisations,
    );
    expect([...result.weights]).toEqual([...given.integers]);
    expect([...result.bias]).toEqual([...given.biasIntegers]);
    expect(result.scales[1]).toBe(Math.fround(Math.fround(0.5 * Math.fround(0.2)) / 0.25));
  });
});
