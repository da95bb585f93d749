import { SluiceError } from './errors.ts';
import type { SequenceSettings, StatePair } from './image.ts';
import { limits } from './limits.ts';
import { datatypeBytes, elementCount } from './tensor-data.ts';
import type { TensorDescription, TensorSignature } from './tensors.ts';

/**
 * Checks that the state of a sequence fits the model: every pair names an input and an output of one datatype,
 * whose shapes can be equal, each once; a request still has an input of its own; and the states of all sequences,
 * open dimensions counted as 1, stay below the limit. Throws `tensor_name`, `tensor_datatype`, `tensor_shape`,
 * `invalid_request` or `limit_exceeded`.
 */
export function checkSequence(signature: TensorSignature, { state, sequencesMax }: SequenceSettings): void {
  const inputs = state.map((pair, index) => checkPair(pair, { index, signature, state }));
  if (inputs.length === signature.inputs.length) {
    throw new SluiceError(
      'invalid_request',
      'state: every input of the model is one; a request needs an input of its own',
    );
  }
  const bytes = inputs.reduce((sum, input) => sum + initialBytes(input), 0);
  if (bytes * sequencesMax > limits.sequenceStateBytesMax) {
    throw new SluiceError(
      'limit_exceeded',
      `state: ${bytes} bytes for each of ${sequencesMax} sequences are more than ${limits.sequenceStateBytesMax}; keep fewer sequences`,
    );
  }
}

/** The shape that a state begins with: a dimension that the model leaves open is 1. */
export function initialShape({ shape }: TensorDescription): number[] {
  return shape.map((dimension) => (dimension === -1 ? 1 : dimension));
}

function initialBytes(description: TensorDescription): number {
  return elementCount(initialShape(description)) * datatypeBytes[description.datatype];
}

function checkPair(
  pair: StatePair,
  { index, signature, state }: { index: number; signature: TensorSignature; state: readonly StatePair[] },
): TensorDescription {
  const where = `state[${index}]`;
  const input = named(signature.inputs, pair.input, `${where}.input`);
  const output = named(signature.outputs, pair.output, `${where}.output`);
  const isRepeated = state
    .slice(0, index)
    .some((other) => other.input === pair.input || other.output === pair.output);
  if (isRepeated) {
    throw new SluiceError('tensor_name', `${where}: ${pair.input} or ${pair.output} is in a pair before it`);
  }
  if (input.datatype !== output.datatype) {
    throw new SluiceError(
      'tensor_datatype',
      `${where}: input ${input.name} is ${input.datatype}, output ${output.name} is ${output.datatype}`,
    );
  }
  const canBeEqual =
    input.shape.length === output.shape.length &&
    input.shape.every(
      (size, axis) => size === -1 || output.shape[axis] === -1 || output.shape[axis] === size,
    );
  if (!canBeEqual) {
    throw new SluiceError(
      'tensor_shape',
      `${where}: input ${input.name} is [${input.shape}], output ${output.name} is [${output.shape}]`,
    );
  }
  return input;
}

function named(descriptions: readonly TensorDescription[], name: string, where: string): TensorDescription {
  const found = descriptions.find((description) => description.name === name);
  if (found !== undefined) return found;
  const names = descriptions.map((description) => description.name).join(', ');
  throw new SluiceError(
    'tensor_name',
    `${where}: ${JSON.stringify(name.slice(0, 60))} is unknown; the model has ${names}`,
  );
}
