import { countByteElements } from './byte-elements.ts';
import type { Tensor } from './tensors.ts';

// What is known of a tensor's bytes, apart from the schemas: threads that only compute load no schema library.

/**
 * Datatypes of the Open Inference Protocol v2 that Sluice serves, with the bytes of one element. BYTES elements
 * have any length, four bytes of which say how long the rest is: so many an empty one takes.
 */
export const datatypeBytes = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 4,
} as const;

/** Number of elements of a shape without unknown dimensions. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Whether the data is exactly what the shape asks for. */
export function dataFits({ datatype, shape, data }: Omit<Tensor, 'name'>): boolean {
  const count = elementCount(shape);
  if (datatype === 'BYTES') return countByteElements(data) === count;
  return data.length === count * datatypeBytes[datatype];
}

/** What the data of a shape must be, for messages. */
export function expectedData({ datatype, shape }: Pick<Tensor, 'datatype' | 'shape'>): string {
  const count = elementCount(shape);
  if (datatype === 'BYTES') return `${count} elements, each behind its length in four bytes,`;
  return `${count * datatypeBytes[datatype]} bytes`;
}
