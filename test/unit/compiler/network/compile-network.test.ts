import { describe, expect, it } from 'vitest';
import { mobileNetV2 } from '../../../../bench/networks/mobile-net-v2.ts';
import { mobileNetV3 } from '../../../../bench/networks/mobile-net-v3.ts';
import { type CompiledNetwork, compileNetwork } from '../../../../compiler/network/compile-network.ts';
import { packFeatureMap, unpackFeatureMap } from '../../../../compiler/network/layout.ts';
import type { ConvolutionLayer, Network } from '../../../../compiler/network/network.ts';
import { pixelWindow } from '../../../../compiler/network/pixel-window.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';
import { instructionLimits } from '../../../../contract/npu/instructions.generated.ts';
import { decodeProgramHeader } from '../../../../contract/npu/program.ts';
import { evaluateNetwork, type MapValues } from '../../../support/evaluate-network.ts';
import { randomInputs } from '../../../support/networks/random-inputs.ts';
import { randomNetwork } from '../../../support/networks/random-network.ts';
import { tinyNetworks } from '../../../support/networks/tiny-networks.ts';
import { interpretProgram, readInstructions } from '../../../support/npu-interpreter.ts';

const configurations = Object.keys(hardwareConfigurations);

function configurationOf(name: string): HardwareConfiguration {
  return hardwareConfigurations[name] as HardwareConfiguration;
}

/** Runs one item and brings its outputs back into channels x rows x columns. */
function runCompiled(
  { program, inputs, outputs }: CompiledNetwork,
  options: { values: MapValues; inputParallel: number },
): MapValues {
  const { values, inputParallel } = options;
  const region = new Uint8Array(decodeProgramHeader(program).inputBytes);
  for (const input of inputs) {
    const packed = packFeatureMap(values.get(input.name) as Int8Array, input, inputParallel);
    region.set(new Uint8Array(packed.buffer), input.offsetBytes);
  }
  const result = new Int8Array(interpretProgram(program, region).buffer);
  return new Map(
    outputs.map((output) => {
      const packed = result.subarray(output.offsetBytes, output.offsetBytes + output.bytes);
      return [output.name, unpackFeatureMap(packed, output, inputParallel)];
    }),
  );
}

function expectExact(network: Network, name: string): CompiledNetwork {
  const configuration = configurationOf(name);
  const compiled = compileNetwork(network, configuration);
  expectOutputs(network, compiled, configuration);
  return compiled;
}

function expectOutputs(
  network: Network,
  compiled: CompiledNetwork,
  configuration: HardwareConfiguration,
): void {
  const values = randomInputs(network, 7);
  const expected = evaluateNetwork(network, values);
  const actual = runCompiled(compiled, { values, ...configuration });
  for (const output of network.outputs) {
    expect(actual.get(output.name), output.name).toEqual(expected.get(output.name));
  }
}

const plain = { channels: 3, size: 8, outputs: 1 };

/** One convolution, with what the test changes. */
function single(
  change: Partial<ConvolutionLayer>,
  { channels, size, outputs }: { channels: number; size: number; outputs: number } = plain,
): Network {
  const { window = pixelWindow } = change;
  const sizeAfter = (kernel: number, pads: number): number => size + pads - kernel + 1;
  const input = { name: 'in', channels, rows: size, columns: size };
  const output = {
    name: 'out',
    channels: outputs,
    rows: sizeAfter(window.kernelRows, window.padTop + window.padBottom),
    columns: sizeAfter(window.kernelColumns, window.padLeft + window.padRight),
  };
  const layer: ConvolutionLayer = {
    kind: 'convolution',
    name: 'the layer',
    input,
    output,
    window,
    groups: 1,
    weights: Int8Array.from(
      { length: outputs * channels * window.kernelRows * window.kernelColumns },
      (_, index) => ((index * 37) % 255) - 127,
    ),
    bias: new Int32Array(outputs),
    scales: new Float32Array(outputs).fill(2 ** -12),
    inputZeroPoint: 3,
    outputZeroPoint: 0,
    minimum: -128,
    maximum: 127,
    ...change,
  };
  return { name: 'single', inputs: [layer.input], outputs: [layer.output], layers: [layer] };
}

describe.each(configurations)('compileNetwork for %s', (configuration) => {
  it.each(Object.keys(tinyNetworks))('computes %s', (name) => {
    expectExact((tinyNetworks[name] as () => Network)(), configuration);
  });

  it('computes a reduced MobileNetV2', () => {
    const { layers } = expectExact(mobileNetV2({ resolution: 32, width: 0.35 }), configuration);
    expect(layers.every(({ executeClocks }) => executeClocks > 0)).toBe(true);
  });

  it('computes a reduced MobileNetV3', () => {
    expectExact(mobileNetV3({ resolution: 32 }), configuration);
  });
});

describe('compileNetwork', () => {
  it('keeps to the limits of the NPU and gives the same bytes twice', () => {
    const network = mobileNetV2({ resolution: 96, width: 0.5 });
    const first = compileNetwork(network, configurationOf('ci'));
    const second = compileNetwork(network, configurationOf('ci'));
    expect(Buffer.compare(first.program, second.program)).toBe(0);
    expect(first.instructionCount).toBeLessThan(instructionLimits.instructionsMax);
    expect(first.memory.arenaBytes).toBeGreaterThan(0);
  });

  it('spills what does not fit and computes it tile by tile', () => {
    const { groups, memory } = expectExact(mobileNetV2({ resolution: 96, width: 0.35 }), 'ci');
    expect(memory.maps.some(({ arenaOffset }) => arenaOffset !== undefined)).toBe(true);
    expect(memory.maps.some(({ address }) => address !== undefined)).toBe(true);
    expect(groups.some(({ layers }) => layers.length > 1)).toBe(true);
  });

  it('loads weights in chunks where the memory does not hold them at once', () => {
    const window = { ...pixelWindow, kernelRows: 3, kernelColumns: 3 };
    const network = single({ window }, { channels: 128, size: 9, outputs: 160 });
    const { program } = expectExact(network, 'zynq7020');
    const loads = readInstructions(program).filter(
      (each) => each.operation === 'LOAD' && each.memory === 'WEIGHT',
    );
    expect(loads.length).toBeGreaterThan(3);
  });

  it('cuts columns where not even one row fits', () => {
    const window = { ...pixelWindow, kernelRows: 3, kernelColumns: 3, padTop: 1, padLeft: 1 };
    const network = single(
      { window: { ...window, padBottom: 1, padRight: 1 } },
      { channels: 200, size: 40, outputs: 3 },
    );
    const { groups } = expectExact(network, 'ci');
    expect(groups[0]?.tile.columns).toBeLessThan(40);
  });

  it('says what each layer costs', () => {
    const { layers } = compileNetwork(single({}), configurationOf('ci'));
    expect(layers).toMatchObject([
      { name: 'the layer', kind: 'convolution', multiplyAccumulates: 192, beatsStored: 64 },
    ]);
    const clocks = 8 * 4 * 2 + 2;
    expect(layers[0]?.executeClocks).toBeGreaterThanOrEqual(clocks);
  });

  it.each<[string, Network, RegExp]>([
    ['a weight of -128', single({ weights: new Int8Array(3).fill(-128) }), /"the layer".*-128/],
    [
      'a kernel above 63',
      single(
        { window: { ...pixelWindow, kernelRows: 64, kernelColumns: 1 } },
        { ...plain, channels: 1, size: 64 },
      ),
      /"the layer".*kernelRows is 64.*63/,
    ],
    [
      'a stride above 7',
      single({ window: { ...pixelWindow, strideRows: 8 } }),
      /"the layer".*strideRows is 8.*7/,
    ],
    [
      'weights beyond the memory',
      single({ window: { ...pixelWindow, kernelRows: 7, kernelColumns: 7 } }, { ...plain, channels: 48 }),
      /"the layer".*294 weight tiles.*256/,
    ],
    ['a scale below 0', single({ scales: new Float32Array(1).fill(-1) }), /"the layer".*scale/],
    ['a sum beyond int32', single({ bias: new Int32Array(1).fill(2 ** 31 - 1) }), /"the layer".*int32/],
    ['no layers', { ...single({}), layers: [] }, /no layers/],
  ])('refuses %s', (_, network, message) => {
    expect(() => compileNetwork(network, configurationOf('ci'))).toThrow(
      expect.objectContaining({ code: 'model_unsupported', message: expect.stringMatching(message) }),
    );
  });

  const network = single({});
  const [output] = network.outputs;
  it.each<[string, Network]>([
    [
      'an output that nothing computes',
      { ...network, outputs: [{ ...network.inputs[0], name: 'other' } as never] },
    ],
    [
      'an output of another shape',
      { ...network, outputs: [{ ...(output as NonNullable<typeof output>), rows: 9 }] },
    ],
    ['a tensor computed twice', { ...network, layers: [...network.layers, ...network.layers] }],
    ['an input that is missing', { ...network, inputs: [] }],
  ])('refuses %s', (_, wrong) => {
    expect(() => compileNetwork(wrong, configurationOf('ci'))).toThrow(
      expect.objectContaining({ code: 'model_invalid' }),
    );
  });
});

describe('compileNetwork of random networks', () => {
  /** Memories so small that rows, columns and weights are cut and maps spilled. */
  const tight = { ...configurationOf('ci'), activationLines: 160 };

  it('computes all that fit, bit for bit', () => {
    let [computed, spilled, cut] = [0, 0, 0];
    for (let seed = 1; seed <= 60; seed += 1) {
      const network = randomNetwork(seed);
      const compiled = compileUnlessUnsupported(network, tight);
      if (compiled === undefined) continue;
      expectOutputs(network, compiled, tight);
      computed += 1;
      if (compiled.memory.arenaBytes > 0) spilled += 1;
      const widths = new Map(network.layers.map(({ name, output }) => [name, output.columns]));
      if (compiled.groups.some(({ layers, tile }) => tile.columns < (widths.get(layers.at(-1) ?? '') ?? 0)))
        cut += 1;
    }
    expect(computed).toBeGreaterThan(40);
    expect(spilled).toBeGreaterThan(10);
    expect(cut).toBeGreaterThan(3);
  });
});

function compileUnlessUnsupported(
  network: Network,
  configuration: HardwareConfiguration,
): CompiledNetwork | undefined {
  try {
    return compileNetwork(network, configuration);
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'model_unsupported') return undefined;
    throw error;
  }
}

describe('layout', () => {
  it('puts channels into blocks and back', () => {
    const shape = { channels: 11, rows: 3, columns: 5 };
    const values = Int8Array.from({ length: 165 }, (_, index) => index - 80);
    const packed = packFeatureMap(values, shape, 8);
    expect(packed.length).toBe(2 * 15 * 8);
    expect(packed[(1 * 15 + 7) * 8 + 2]).toBe(values[10 * 15 + 7]);
    expect(packed[(1 * 15 + 7) * 8 + 3]).toBe(0);
    expect(unpackFeatureMap(packed, shape, 8)).toEqual(values);
  });
});
