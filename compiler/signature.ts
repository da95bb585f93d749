import { quoted } from '../base/quoted.ts';
import { SluiceError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { TensorDescription, TensorSignature } from '../contract/tensors.ts';
import { datatypeOf, elementTypeName } from './onnx/element-types.ts';
import type { OnnxValue } from './onnx/model.ts';
import { readModel } from './onnx/read-model.ts';

/**
 * What a model takes and gives; -1 stands for a symbolic or unknown dimension.
 * Throws `model_invalid` for a file that is no ONNX model, `model_unsupported` for an input or output
 * that is no tensor of a served datatype.
 */
export function readModelSignature(model: Uint8Array): TensorSignature {
  const { inputs, outputs } = readModel(model).graph;
  if (inputs.length === 0) {
    throw new SluiceError('model_unsupported', 'ONNX model: the graph takes no input, at least one expected');
  }
  return {
    inputs: inputs.map((value) => describe(value, 'input')),
    outputs: outputs.map((value) => describe(value, 'output')),
  };
}

function describe(value: OnnxValue, role: 'input' | 'output'): TensorDescription {
  const where = `graph ${role} ${quoted(value.name)}`;
  if (value.name === '') throw new SluiceError('model_invalid', `ONNX model: a graph ${role} has no name`);
  if (value.name === '__proto__') {
    throw new SluiceError('model_unsupported', `${where}: JavaScript objects cannot hold this name`);
  }
  if (value.elementType === undefined) {
    throw new SluiceError('model_unsupported', `${where}: is no tensor; only tensors can be served`);
  }
  const datatype = datatypeOf(value.elementType);
  if (datatype === undefined) {
    const name = elementTypeName(value.elementType);
    throw new SluiceError('model_unsupported', `${where}: datatype ${name} cannot be served`);
  }
  if (value.shape === undefined) {
    throw new SluiceError('model_unsupported', `${where}: its number of dimensions is unknown`);
  }
  if (value.shape.length > limits.tensorRankMax) {
    const rank = value.shape.length;
    throw new SluiceError(
      'model_unsupported',
      `${where}: ${rank} dimensions, at most ${limits.tensorRankMax}`,
    );
  }
  return { name: value.name, datatype, shape: [...value.shape] };
}
