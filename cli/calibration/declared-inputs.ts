import { datatypeOf } from '../../compiler/onnx/element-types.ts';
import { readModel } from '../../compiler/onnx/read-model.ts';
import type { DeclaredInput } from './calibration-inputs.ts';

/**
 * Inputs of a model as far as it declares them; outputs may be as vague as they like. Throws `model_invalid`.
 */
export function declaredInputs(model: Uint8Array): DeclaredInput[] {
  return readModel(model).graph.inputs.map(({ name, elementType, shape }) => ({
    name,
    datatype: (elementType === undefined ? undefined : datatypeOf(elementType)) ?? 'FP32',
    ...(shape === undefined ? {} : { shape }),
  }));
}
