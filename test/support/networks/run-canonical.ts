import { canonicalModelOf } from '../../../compiler/network/canonical-model.ts';
import type { Network } from '../../../compiler/network/network.ts';
import { RuntimeModel } from '../../../ort/runtime-model.ts';
import type { MapValues } from '../evaluate-network.ts';

/** The outputs that ONNX Runtime computes for each set of inputs from a network's canonical model. */
export async function runCanonical(network: Network, samples: readonly MapValues[]): Promise<MapValues[]> {
  const model = await RuntimeModel.load(canonicalModelOf(network), { fusesQuantisation: false });
  try {
    const results: MapValues[] = [];
    for (const sample of samples) {
      const inputs = network.inputs.map(({ name, channels, rows, columns }) => ({
        name,
        datatype: 'INT8' as const,
        shape: [1, channels, rows, columns],
        data: new Uint8Array(sample.get(name) ?? []),
      }));
      const outputs = await model.run(inputs);
      results.push(new Map([...outputs].map(([name, { data }]) => [name, new Int8Array(data)])));
    }
    return results;
  } finally {
    await model.release();
  }
}
