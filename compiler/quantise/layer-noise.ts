import { type ImportedMap, inputsOf } from '../import/graph.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import type { FeatureMap, Network } from '../network/network.ts';
import type { Quantisations } from './assign.ts';
import { Noise } from './noise.ts';
import { checkCancelled } from './observe.ts';
import { FloatRegion, IntegerRegion } from './run-region.ts';
import type { RegionSample } from './samples.ts';
import type { Step } from './steps.ts';

/** Both models tell all their maps, which takes memory and time for each sample. */
const samplesMax = 8;

/** What int8 costs in one layer. */
export interface LayerNoise {
  /** The operation's name. */
  name: string;
  kind: string;
  /** The map that it gives. */
  map: string;
  scale: number;
  zeroPoint: number;
  /** Signal to noise of the map, float against int8, with the noise of all layers before. */
  decibels: number;
  /** Noise as a part of the signal, less that of the noisiest input: what the layer itself adds, or takes away. */
  addedNoise: number;
}

/** Noise of every layer of a region, on the first eight samples at most. */
export async function layerNoise(
  part: FloatPart,
  options: {
    network: Network;
    quantisations: Quantisations;
    steps: readonly Step[];
    samples: readonly RegionSample[];
    signal?: AbortSignal | undefined;
  },
): Promise<LayerNoise[]> {
  const { network, quantisations, steps } = options;
  const maps = [...part.inputs, ...steps.map(({ output }) => output)];
  const noises = await gather(part, { ...options, maps });
  const ratioOf = (map: ImportedMap): number => noises.get(map.name)?.ratio ?? 0;
  const kinds = new Map(network.layers.map(({ output, kind }) => [output.name, kind]));
  return steps.map(({ operation, output }) => {
    const noise = noises.get(output.name) ?? new Noise();
    const quantisation = quantisations.get(output.name);
    const before = Math.max(...inputsOf(operation).map(ratioOf));
    return {
      name: operation.name,
      kind: kinds.get(output.name) ?? operation.kind,
      map: output.name,
      scale: quantisation?.scale ?? 0,
      zeroPoint: quantisation?.zeroPoint ?? 0,
      decibels: noise.decibels,
      addedNoise: noise.ratio - before,
    };
  });
}

async function gather(
  part: FloatPart,
  options: {
    network: Network;
    quantisations: Quantisations;
    maps: readonly ImportedMap[];
    samples: readonly RegionSample[];
    signal?: AbortSignal | undefined;
  },
): Promise<ReadonlyMap<string, Noise>> {
  const { network, quantisations, maps, samples, signal } = options;
  const inputNames = new Set(part.inputs.map(({ name }) => name));
  const computed: FeatureMap[] = maps.filter(({ name }) => !inputNames.has(name));
  const noises = new Map(computed.map(({ name }) => [name, new Noise()]));
  const float = await FloatRegion.load(
    part,
    maps.filter(({ name }) => noises.has(name)),
  );
  const integer = await IntegerRegion.load(network, { quantisations, told: computed });
  try {
    for (const sample of samples.slice(0, samplesMax)) {
      checkCancelled(signal);
      const expected = await float.run(sample);
      const actual = await integer.run(sample);
      for (const [index, { name }] of computed.entries()) {
        noises.get(name)?.add(expected[index] as Float32Array, actual[index] as Float32Array);
      }
    }
  } finally {
    await integer.release();
    await float.release();
  }
  return noises;
}
