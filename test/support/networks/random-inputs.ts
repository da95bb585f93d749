import { seededRandom } from '../../../bench/networks/seeded-random.ts';
import type { Network } from '../../../compiler/network/network.ts';
import { type MapValues, sizeOf } from '../evaluate-network.ts';

/** Uniform random values for every input of a network. */
export function randomInputs(network: Network, seed: number): MapValues {
  const random = seededRandom(seed);
  return new Map(
    network.inputs.map((map) => [map.name, Int8Array.from({ length: sizeOf(map) }, () => random() >>> 24)]),
  );
}
