import type { Datatype } from '../../contract/tensors.ts';

/** The typed array whose elements a datatype has: BOOL is one byte, 0 or 1; FP16 and BF16 their bits; BYTES just bytes. */
export const elementArrays = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
  BYTES: Uint8Array,
} as const satisfies Record<Datatype, unknown>;

/** Any of the typed arrays that hold tensor elements. */
export type ElementArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** The elements of a tensor, as a view of its bytes where they are aligned, else as a copy. */
export function elementsOf(tensor: { datatype: Datatype; data: Uint8Array }): ElementArray {
  const ElementsOfType = elementArrays[tensor.datatype];
  const width = ElementsOfType.BYTES_PER_ELEMENT;
  const bytes = tensor.data.byteOffset % width === 0 ? tensor.data : tensor.data.slice();
  return new ElementsOfType(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / width);
}

/** The bytes of typed elements, as a view. */
export function bytesOf(elements: ElementArray): Uint8Array {
  return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
}
