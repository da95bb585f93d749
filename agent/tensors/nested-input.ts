import type { Tensor, TensorDescription } from '../../contract/tensors.ts';
import { type DecodeTarget, decodeElements } from './decode.ts';
import { checkShape } from './signature.ts';

/**
 * An input from JSON arrays nested like its shape, which follows from the nesting. Throws `tensor_shape` and
 * `tensor_data`.
 */
export function decodeNested(description: TensorDescription, data: unknown): Tensor {
  return nestedInput(description, nestedShape(data), (target) => decodeElements(target, data));
}

/** An input of the shape that its arrays have, whose bytes `decode` gives. Throws `tensor_shape`. */
export function nestedInput(
  { name, datatype, shape }: TensorDescription,
  own: number[],
  decode: (target: DecodeTarget) => Uint8Array,
): Tensor {
  checkShape({ name, datatype, shape }, own);
  return { name, datatype, shape: own, data: decode({ datatype, shape: own, where: `input ${name}` }) };
}

function nestedShape(data: unknown): number[] {
  const shape: number[] = [];
  let level = data;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}
