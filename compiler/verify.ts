import { quoted } from '../base/quoted.ts';
import { SluiceError } from '../contract/errors.ts';
import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';
import { RuntimeModel } from '../ort/runtime-model.ts';
import { canonicalModelOf } from './network/canonical-model.ts';
import { type CompiledNetwork, compileNetwork } from './network/compile-network.ts';
import { mapsReadBy } from './network/maps-read.ts';
import type { Layer, Network } from './network/network.ts';
import { checkCancelled } from './quantise/observe.ts';
import { type Quantisation, quantiseAll } from './quantise/quantisation.ts';
import type { RegionSample, Repeatable } from './quantise/samples.ts';
import { SimulatedNpu } from './simulated-npu.ts';
import { verificationInputs } from './verification-inputs.ts';

/** Multiply-accumulates that a proof may take, and the items that it has at least and at most. */
const workMax = 5e9;
const itemsMin = 4;
const itemsMax = 128;
/** One in so many items comes from the calibration data. */
const sampleShare = 4;

/** What the program must agree with, and on what. */
export interface ProgramProof {
  network: Network;
  configuration: HardwareConfiguration;
  /** Inputs of the region in float, with what its integers mean. */
  samples?: Repeatable<RegionSample>;
  quantisations: ReadonlyMap<string, Quantisation>;
  signal?: AbortSignal;
  /** How the search for the layer at fault compiles; as the program was. */
  compile?: (network: Network) => CompiledNetwork;
}

/** An input of a network: a list of integers for each of its maps. */
interface ProofItem {
  kind: string;
  values: readonly Int8Array[];
}

/**
 * Runs the program on the simulator of its configuration and the network's canonical model on ONNX Runtime,
 * over calibration, extreme and seeded random inputs, and compares each byte. Gives the number of items.
 * Throws `verification_failed` naming the first layer that differs. Blocks the thread: use it in a worker.
 */
export async function verifyProgram(
  compiled: CompiledNetwork,
  proof: ProgramProof,
): Promise<{ itemCount: number }> {
  const { network, configuration, signal } = proof;
  const pair = await Pair.load(network, { compiled, configuration });
  let itemCount = 0;
  try {
    for await (const item of itemsOf(proof)) {
      checkCancelled(signal);
      const difference = await pair.compare(item.values);
      if (difference !== undefined) {
        const layer = await firstDifferingLayer(item, proof);
        throw new SluiceError(
          'verification_failed',
          `NPU program: ${layer} differs first; input ${itemCount} (${item.kind}), ${difference}`,
        );
      }
      itemCount += 1;
    }
  } finally {
    await pair.release();
  }
  return { itemCount };
}

async function* itemsOf({ network, samples, quantisations }: ProgramProof): AsyncGenerator<ProofItem> {
  const count = Math.min(Math.max(Math.floor(workMax / workOf(network)), itemsMin), itemsMax);
  let taken = 0;
  const samplesMax = Math.ceil(count / sampleShare);
  if (samples !== undefined) {
    for await (const sample of samples) {
      const values = network.inputs.map(({ name }, index) =>
        quantiseAll(sample[index] ?? new Float32Array(0), quantisations.get(name) as Quantisation),
      );
      yield { kind: 'calibration', values };
      taken += 1;
      if (taken === samplesMax) break;
    }
  }
  const sizes = network.inputs.map(({ channels, rows, columns }) => channels * rows * columns);
  const elementCount = sizes.reduce((sum, size) => sum + size, 0);
  const starts = sizes.map((_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0));
  for (const { kind, values } of verificationInputs({ elementCount, count: count - taken })) {
    yield {
      kind,
      values: sizes.map((size, index) => values.subarray(starts[index], (starts[index] ?? 0) + size)),
    };
  }
}

function workOf({ layers }: Network): number {
  return layers.reduce((sum, layer) => {
    const pixels = layer.output.rows * layer.output.columns;
    return sum + pixels * (layer.kind === 'convolution' ? layer.weights.length : layer.output.channels);
  }, 1);
}

/** A network on both sides. */
class Pair {
  readonly #network: Network;
  readonly #runtime: RuntimeModel;
  readonly #npu: SimulatedNpu;

  private constructor(network: Network, sides: { runtime: RuntimeModel; npu: SimulatedNpu }) {
    this.#network = network;
    this.#runtime = sides.runtime;
    this.#npu = sides.npu;
  }

  static async load(
    network: Network,
    { compiled, configuration }: { compiled: CompiledNetwork; configuration: HardwareConfiguration },
  ): Promise<Pair> {
    const npu = await SimulatedNpu.load(compiled, configuration);
    const runtime = await RuntimeModel.load(canonicalModelOf(network), { fusesQuantisation: false });
    return new Pair(network, { runtime, npu });
  }

  /** Says where the two differ; undefined when they do not. */
  async compare(inputs: readonly Int8Array[]): Promise<string | undefined> {
    const feeds = this.#network.inputs.map((map, index) => {
      const { buffer, byteOffset, length } = inputs[index] ?? new Int8Array(0);
      const { channels, rows, columns, name } = map;
      const data = new Uint8Array(buffer, byteOffset, length);
      return { name, datatype: 'INT8' as const, shape: [1, channels, rows, columns], data };
    });
    const expected = await this.#runtime.run(feeds);
    const actual = await this.#npu.run(inputs);
    for (const [index, { name }] of this.#network.outputs.entries()) {
      const wanted = new Int8Array(expected.get(name)?.data ?? []);
      const got = actual[index] ?? new Int8Array(0);
      const at = wanted.findIndex((value, position) => value !== got[position]);
      if (at !== -1 || wanted.length !== got.length) {
        return `output ${quoted(name)}, element ${at}: the NPU gives ${got[at]}, ONNX Runtime ${wanted[at]}`;
      }
    }
    return undefined;
  }

  async release(): Promise<void> {
    await this.#runtime.release();
    await this.#npu.close();
  }
}

/**
 * Halves the network until the first layer is found up to which both sides differ. Differences can vanish
 * when only a part is compiled: then that is what there is to say.
 */
async function firstDifferingLayer(item: ProofItem, proof: ProgramProof): Promise<string> {
  const { network } = proof;
  const last = network.layers.length - 1;
  if (!(await differsUpTo(last, { item, proof }))) return 'the program as a whole';
  let [same, different] = [-1, last];
  while (different - same > 1) {
    const middle = (same + different) >> 1;
    if (await differsUpTo(middle, { item, proof })) different = middle;
    else same = middle;
  }
  const layer = network.layers[different] as Layer;
  return `layer ${quoted(layer.name)} (${layer.kind})`;
}

async function differsUpTo(
  index: number,
  { item, proof }: { item: ProofItem; proof: ProgramProof },
): Promise<boolean> {
  const { network, configuration } = proof;
  const compile = proof.compile ?? ((part: Network) => compileNetwork(part, configuration));
  const part = networkUpTo(network, index);
  const values = part.inputs.map((map) => item.values[network.inputs.indexOf(map)] ?? new Int8Array(0));
  const pair = await Pair.load(part, { compiled: compile(part), configuration });
  try {
    return (await pair.compare(values)) !== undefined;
  } finally {
    await pair.release();
  }
}

/** The layers that one of them needs, itself included. */
function networkUpTo(network: Network, index: number): Network {
  const needed = new Set<string>();
  const layers: Layer[] = [];
  const end = network.layers[index] as Layer;
  needed.add(end.output.name);
  for (const layer of network.layers.slice(0, index + 1).reverse()) {
    if (!needed.has(layer.output.name)) continue;
    layers.unshift(layer);
    for (const { name } of mapsReadBy(layer)) needed.add(name);
  }
  const inputs = network.inputs.filter(({ name }) => needed.has(name));
  return { name: network.name, inputs, outputs: [end.output], layers };
}
