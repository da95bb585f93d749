import { initialShape } from '../../contract/sequence.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import type { Tensor, TensorDescription } from '../../contract/tensors.ts';

/** A tensor of zeros, or of empty texts; a dimension that the model leaves open is 1. */
export function zeroTensor(description: TensorDescription): Tensor {
  const { name, datatype } = description;
  const shape = initialShape(description);
  return { name, datatype, shape, data: new Uint8Array(elementCount(shape) * datatypeBytes[datatype]) };
}
