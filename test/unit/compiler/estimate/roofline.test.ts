import { describe, expect, it } from 'vitest';
import { layerBound, networkBound } from '../../../../compiler/estimate/roofline.ts';
import type { ConvolutionLayer, FeatureMap, Layer, Window } from '../../../../compiler/network/network.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';

// 8 x 8 x 2 multipliers, V = 1: two clocks to drain a tile.
const configuration = hardwareConfigurations.ci as HardwareConfiguration;

function map(name: string, channels: number, rows: number, columns: number): FeatureMap {
  return { name, channels, rows, columns };
}

const window: Window = {
  kernelRows: 3,
  kernelColumns: 3,
  strideRows: 1,
  strideColumns: 1,
  dilationRows: 1,
  dilationColumns: 1,
  padTop: 1,
  padLeft: 1,
  padBottom: 1,
  padRight: 1,
};

function convolution(input: FeatureMap, output: FeatureMap, groups: number): ConvolutionLayer {
  return {
    kind: 'convolution',
    name: output.name,
    input,
    output,
    window,
    groups,
    weights: new Int8Array(0),
    bias: new Int32Array(0),
    scales: new Float32Array(0),
    inputZeroPoint: 0,
    outputZeroPoint: 0,
    minimum: -128,
    maximum: 127,
  };
}

describe('the bound of a layer', () => {
  it('of a dense convolution counts blocks of channels', () => {
    const layer = convolution(map('in', 12, 5, 5), map('out', 20, 5, 5), 1);
    // 3 output blocks of 5 rows and 3 lines, 9 taps of 2 blocks a tile.
    expect(layerBound(layer, configuration)).toEqual({
      name: 'out',
      multiplyAccumulates: 20 * 25 * 9 * 12,
      executeCycles: 45 * 18 + 2,
      loadCycles: 3 * (18 * 8 + 8),
    });
  });

  it('of a depthwise convolution counts taps, eight to a tile of weights', () => {
    const layer = convolution(map('in', 16, 5, 5), map('out', 16, 5, 5), 16);
    expect(layerBound(layer, configuration)).toEqual({
      name: 'out',
      multiplyAccumulates: 16 * 25 * 9,
      executeCycles: 30 * 9 + 2,
      loadCycles: 2 * (2 * 8 + 8),
    });
  });

  it('of grouped convolutions counts the channels of a group', () => {
    const layer = convolution(map('in', 32, 5, 5), map('out', 32, 5, 5), 2);
    expect(layerBound(layer, configuration)).toMatchObject({
      multiplyAccumulates: 32 * 25 * 9 * 16,
      executeCycles: 60 * 18 + 2,
    });
  });

  it('of a pool, a table and a concatenation is what they must touch', () => {
    const input = map('in', 8, 4, 4);
    const pool: Layer = { kind: 'maximum-pool', name: 'pool', input, output: map('out', 8, 4, 4), window };
    expect(layerBound(pool, configuration)).toMatchObject({ executeCycles: 8 * 9 + 2, loadCycles: 0 });
    const table = new Int8Array(256);
    const mapped: Layer = { kind: 'table', name: 'table', input, output: map('out', 8, 4, 4), table };
    expect(layerBound(mapped, configuration)).toMatchObject({ executeCycles: 8 * 2 + 2, loadCycles: 256 });
    const joined: Layer = {
      kind: 'concat',
      name: 'join',
      inputs: [input, input],
      output: map('o', 16, 4, 4),
    };
    expect(layerBound(joined, configuration)).toMatchObject({ executeCycles: 0, loadCycles: 0 });
  });
});

describe('the bound of a network', () => {
  it('is the busier of EXECUTE and LOAD', () => {
    const input = map('in', 16, 5, 5);
    const layer = convolution(input, map('out', 16, 5, 5), 1);
    const bound = networkBound(
      { name: 'one', inputs: [input], outputs: [layer.output], layers: [layer] },
      configuration,
    );
    expect(bound).toMatchObject({
      executeCycles: 30 * 18 + 2,
      loadCycles: 2 * (18 * 8 + 8) + 50,
      cycles: 542,
    });
    const vector = map('in', 160, 1, 1);
    const dense = {
      ...convolution(vector, map('out', 16, 1, 1), 1),
      window: { ...window, kernelRows: 1, kernelColumns: 1 },
    };
    const linear = networkBound(
      { name: 'linear', inputs: [vector], outputs: [dense.output], layers: [dense] },
      configuration,
    );
    expect(linear).toMatchObject({ executeCycles: 2 * 20 + 2, cycles: 2 * (20 * 8 + 8) + 20 });
  });
});
