import { describe, expect, it } from 'vitest';
import { mobileNetV2 } from '../../../../bench/networks/mobile-net-v2.ts';
import { mobileNetV3 } from '../../../../bench/networks/mobile-net-v3.ts';
import { resNet50 } from '../../../../bench/networks/res-net-50.ts';
import { canonicalModelOf } from '../../../../compiler/network/canonical-model.ts';
import type { Network } from '../../../../compiler/network/network.ts';
import { readModel } from '../../../../compiler/onnx/read-model.ts';
import { evaluateNetwork } from '../../../support/evaluate-network.ts';
import { randomInputs } from '../../../support/networks/random-inputs.ts';
import { runCanonical } from '../../../support/networks/run-canonical.ts';
import { tinyNetworks } from '../../../support/networks/tiny-networks.ts';

const networks: Record<string, () => Network> = {
  ...tinyNetworks,
  'MobileNetV2 of 224 x 224': () => mobileNetV2({ resolution: 224, width: 1 }),
  'shortened MobileNetV3 of 64 x 64': () => mobileNetV3({ resolution: 64 }),
  'ResNet-50 of 32 x 32': () => resNet50({ resolution: 32 }),
};

/** Compares every map, not only the last: values that differ may meet in the same result. */
async function expectEqualMaps(network: Network): Promise<void> {
  const outputs = network.layers.map(({ output }) => output);
  const sample = randomInputs(network, 1);
  const [results] = await runCanonical({ ...network, outputs }, [sample]);
  const values = evaluateNetwork(network, sample);
  for (const { name } of outputs) {
    const isEqual = Buffer.from(results?.get(name) ?? []).equals(Buffer.from(values.get(name) ?? [0]));
    expect({ name, isEqual }).toEqual({ name, isEqual: true });
  }
  // Maps that are outputs are never fused away; what is served has only the last ones.
  const [served] = await runCanonical(network, [sample]);
  for (const { name } of network.outputs) {
    const computed = served?.get(name) ?? new Int8Array();
    expect(computed).toEqual(values.get(name));
    // A net whose values had died out would prove nothing.
    expect(new Set(computed).size).toBeGreaterThan(Math.min(computed.length / 4, 40));
  }
}

describe('canonicalModelOf', () => {
  it.each(Object.entries(networks))('ONNX Runtime computes the bits of the specification: %s', (_, build) =>
    expectEqualMaps(build()),
  );

  it('writes the same bytes for the same network, which our reader takes', () => {
    const [model, again] = [1, 2].map(() => canonicalModelOf(mobileNetV3({ resolution: 32 })));
    expect(Buffer.from(model ?? []).equals(again ?? Buffer.of(0))).toBe(true);
    expect(readModel(model ?? new Uint8Array()).graph.outputs.map(({ shape }) => shape)).toEqual([
      [-1, 100, 1, 1],
    ]);
  });
});
