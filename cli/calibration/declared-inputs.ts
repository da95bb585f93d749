import { datatypeOf } from '../../compiler/onnx/element-types.ts';
import { readModel } from '../../compiler/onnx/read-model.ts';
import type { TensorDescription } from '../../contract/tensors.ts';

/**
 * Inputs of a model as far as it declares them; outputs may be as vague as they like. Throws `model_invalid`.
 */
export function declaredInputs(model: Uint8Array): TensorDescription[] {
  return readModel(model).graph.inputs.map(({ name, elementType, shape }) => ({
    name,
    datatype: (elementType === undefined ? undefined : datatypeOf(elementType)) ?? 'FP32',
    shape: shape === undefined ? [-1, -1] : [...shape],
  }));
}
