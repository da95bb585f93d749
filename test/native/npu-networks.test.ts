import { afterAll, describe, expect, it } from 'vitest';
import { packInputs, unpackOutputs } from '../../bench/networks/item-bytes.ts';
import { mobileNetV2 } from '../../bench/networks/mobile-net-v2.ts';
import { mobileNetV3 } from '../../bench/networks/mobile-net-v3.ts';
import { type CompiledNetwork, compileNetwork } from '../../compiler/network/compile-network.ts';
import type { Network } from '../../compiler/network/network.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { NpuDevice, type NpuRunResult } from '../../native/npu.ts';
import type { MapValues } from '../support/evaluate-network.ts';
import { randomInputs } from '../support/networks/random-inputs.ts';
import { runCanonical } from '../support/networks/run-canonical.ts';
import { tinyNetworks } from '../support/networks/tiny-networks.ts';

const networks: Record<string, () => Network> = {
  ...tinyNetworks,
  'MobileNetV2 of 96 x 96, a third as wide': () => mobileNetV2({ resolution: 96, width: 0.35 }),
  'shortened MobileNetV3 of 64 x 64': () => mobileNetV3({ resolution: 64 }),
};

/** A network with what ONNX Runtime makes of two random inputs. */
interface Case {
  network: Network;
  samples: MapValues[];
  expected: MapValues[];
}

const cases = new Map<string, Promise<Case>>();

/** Each network is generated and run by ONNX Runtime once, for all configurations. */
function caseOf(name: string): Promise<Case> {
  const known = cases.get(name) ?? makeCase(networks[name]);
  cases.set(name, known);
  return known;
}

async function makeCase(build: (() => Network) | undefined): Promise<Case> {
  if (build === undefined) throw new Error('a network by this name expected');
  const network = build();
  const samples = [randomInputs(network, 1), randomInputs(network, 2)];
  return { network, samples, expected: await runCanonical(network, samples) };
}

const devices = new Map<string, NpuDevice>();

function deviceOf(kind: 'simulator' | 'csim', configuration: string): NpuDevice {
  const key = `${kind} ${configuration}`;
  const device = devices.get(key) ?? NpuDevice.open({ kind, configuration });
  devices.set(key, device);
  return device;
}

afterAll(() => Promise.all([...devices.values()].map((device) => device.close())));

/** A network compiled for one configuration. */
interface Compiled {
  network: CompiledNetwork;
  inputParallel: number;
}

function compiledFor(network: Network, configuration: string): Compiled {
  const hardware = hardwareConfigurations[configuration];
  if (hardware === undefined) throw new Error(`${configuration}: a configuration expected`);
  return { network: compileNetwork(network, hardware), inputParallel: hardware.inputParallel };
}

/** One run over all samples. */
async function run(device: NpuDevice, compiled: Compiled, samples: MapValues[]): Promise<NpuRunResult> {
  const program = await device.load(compiled.network.program);
  try {
    const layout = { inputBytes: program.inputBytes, inputParallel: compiled.inputParallel };
    const items = samples.map((sample) => packInputs(compiled.network, sample, layout));
    return await program.run(Uint8Array.from(Buffer.concat(items)));
  } finally {
    program.unload();
  }
}

function expectOutputs(compiled: Compiled, result: NpuRunResult, expected: MapValues[]): void {
  const itemBytes = result.outputs.length / expected.length;
  for (const [index, maps] of expected.entries()) {
    const item = result.outputs.subarray(index * itemBytes, (index + 1) * itemBytes);
    const outputs = unpackOutputs(compiled.network, item, compiled.inputParallel);
    for (const [name, values] of maps) expect(outputs.get(name)).toEqual(values);
  }
}

describe.each(Object.keys(hardwareConfigurations))('on %s', (configuration) => {
  it.each(Object.keys(networks))('the simulator gives the bits of ONNX Runtime: %s', async (name) => {
    const { network, samples, expected } = await caseOf(name);
    const compiled = compiledFor(network, configuration);
    const result = await run(deviceOf('simulator', configuration), compiled, samples);
    expectOutputs(compiled, result, expected);
  });

  it.each(Object.keys(tinyNetworks))('C simulation gives the same bits and counters: %s', async (name) => {
    const { network, samples, expected } = await caseOf(name);
    const compiled = compiledFor(network, configuration);
    const result = await run(deviceOf('csim', configuration), compiled, samples);
    expectOutputs(compiled, result, expected);
    const simulated = await run(deviceOf('simulator', configuration), compiled, samples);
    expect(result.counters).toEqual(simulated.counters);
  });
});
