import type { Tensor, TensorDescription } from '../../contract/tensors.ts';
import { decodeElements } from './decode.ts';
import { checkShape } from './signature.ts';

/**
 * An input from JSON arrays nested like its shape, which follows from the nesting. Throws `tensor_shape` and
 * `tensor_data`.
 */
export function decodeNested({ name, datatype, shape }: TensorDescription, data: unknown): Tensor {
  const own = nestedShape(data);
  checkShape({ name, datatype, shape }, own);
  return {
    name,
    datatype,
    shape: own,
    data: decodeElements({ datatype, shape: own, where: `input ${name}` }, data),
  };
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
