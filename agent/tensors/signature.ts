import { SluiceError } from '../../contract/errors.ts';
import { dataFits, expectedData } from '../../contract/tensor-data.ts';
import type { Tensor, TensorDescription, TensorSignature } from '../../contract/tensors.ts';
import { brief } from './brief.ts';

/** What a request must give, and what its answer holds when the request does not say. */
export interface RequestSignature extends TensorSignature {
  /** What it may give and get besides. */
  optional?: TensorSignature;
}

/** The input of that name. Throws `tensor_name`, listing the inputs that there are. */
export function describedInput(signature: RequestSignature, name: string): TensorDescription {
  const isNamed = (input: TensorDescription): boolean => input.name === name;
  const description = signature.inputs.find(isNamed) ?? signature.optional?.inputs.find(isNamed);
  if (description !== undefined) return description;
  throw new SluiceError(
    'tensor_name',
    `input ${brief(name)} is unknown; the model takes ${nameList(signature.inputs)}`,
  );
}

/**
 * Narrows a shape and checks it against an input's: the same rank, equal dimensions, and at least 1 where
 * the model leaves a dimension open. Throws `tensor_shape`.
 */
export function checkShape(description: TensorDescription, shape: unknown): asserts shape is number[] {
  const expected = description.shape;
  const fits =
    Array.isArray(shape) &&
    shape.length === expected.length &&
    shape.every(
      (dimension, axis) =>
        Number.isSafeInteger(dimension) &&
        (expected[axis] === -1 ? dimension >= 1 : dimension === expected[axis]),
    );
  if (fits) return;
  throw new SluiceError(
    'tensor_shape',
    `input ${description.name}: shape ${brief(shape)}, [${expected}] expected${expected.includes(-1) ? ' (-1: at least 1)' : ''}`,
  );
}

/** Checks that every input is there exactly once. Throws `tensor_name`. */
export function checkComplete(signature: TensorSignature, names: readonly string[]): void {
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) !== index) {
      throw new SluiceError('tensor_name', `input ${brief(name)} is given twice`);
    }
  }
  for (const { name } of signature.inputs) {
    if (!names.includes(name)) {
      throw new SluiceError(
        'tensor_name',
        `input ${name} is missing; the model takes ${nameList(signature.inputs)}`,
      );
    }
  }
}

/** Checks ready-made tensors against the inputs of a signature. Throws the `tensor_…` codes. */
export function checkInputs(signature: RequestSignature, inputs: readonly Tensor[]): void {
  checkComplete(
    signature,
    inputs.map(({ name }) => name),
  );
  for (const input of inputs) {
    const description = describedInput(signature, input.name);
    if (input.datatype !== description.datatype) {
      throw new SluiceError(
        'tensor_datatype',
        `input ${input.name}: datatype ${input.datatype}, ${description.datatype} expected`,
      );
    }
    checkShape(description, input.shape);
    checkData(input, `input ${input.name}`);
  }
}

/** The outputs that an answer holds when the request does not say, of all that the model gave. */
export function answeredOutputs({ outputs }: RequestSignature, all: readonly Tensor[]): Tensor[] {
  return all.filter(({ name }) => outputs.some((output) => output.name === name));
}

/** Checks that the bytes are exactly the elements of the shape, and BOOL 0 or 1. Throws `tensor_data`. */
export function checkData(tensor: Omit<Tensor, 'name'>, where: string): void {
  const { datatype, shape, data } = tensor;
  if (!dataFits(tensor)) {
    throw new SluiceError(
      'tensor_data',
      `${where}: ${data.length} bytes, ${expectedData(tensor)} expected for shape [${shape}]`,
    );
  }
  const index = datatype === 'BOOL' ? data.findIndex((value) => value > 1) : -1;
  if (index === -1) return;
  throw new SluiceError('tensor_data', `${where}: element ${index} is ${data[index]}; BOOL is 0 or 1`);
}

/** Names for a message. */
export function nameList(descriptions: readonly { name: string }[]): string {
  return descriptions.map(({ name }) => name).join(', ');
}
