import type { CompiledNetwork } from '../../compiler/network/compile-network.ts';
import { packFeatureMap, unpackFeatureMap } from '../../compiler/network/layout.ts';

/** Values of maps by name: int8, channels x rows x columns. */
type MapValues = ReadonlyMap<string, Int8Array>;

/** Sizes of one item's bytes, and of the words that they consist of. */
interface ItemLayout {
  inputBytes: number;
  inputParallel: number;
}

/** One input item of a compiled network, as the NPU reads it. */
export function packInputs(compiled: CompiledNetwork, values: MapValues, layout: ItemLayout): Uint8Array {
  const item = new Uint8Array(layout.inputBytes);
  for (const tensor of compiled.inputs) {
    const packed = packFeatureMap(valuesOf(values, tensor.name), tensor, layout.inputParallel);
    item.set(new Uint8Array(packed.buffer), tensor.offsetBytes);
  }
  return item;
}

/** The outputs that one output item of a compiled network holds. */
export function unpackOutputs(
  compiled: CompiledNetwork,
  item: Uint8Array,
  inputParallel: number,
): Map<string, Int8Array> {
  return new Map(
    compiled.outputs.map((tensor) => {
      const packed = Int8Array.from(item.subarray(tensor.offsetBytes, tensor.offsetBytes + tensor.bytes));
      return [tensor.name, unpackFeatureMap(packed, tensor, inputParallel)];
    }),
  );
}

function valuesOf(values: MapValues, name: string): Int8Array {
  const found = values.get(name);
  if (found === undefined) throw new Error(`${name}: values expected`);
  return found;
}
