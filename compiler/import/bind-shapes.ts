import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { OnnxModel, OnnxValue } from '../onnx/model.ts';

/** Dimensions of graph inputs by name, as `--shape name=1,3,224,224` gives them. */
export type InputShapes = Readonly<Record<string, readonly number[]>>;

/** Elements of one input: what a scoring body may hold as FLOAT. */
const inputElementsMax = 1 << 24;

/**
 * The model with every input's dimensions fixed: those given, else those declared, an open first one being
 * the batch and 1. Throws `model_unsupported` naming the input and `--shape` for dimensions that stay open,
 * `tensor_name` and `tensor_shape` for shapes given for no input or another rank or size.
 */
export function bindShapes(model: OnnxModel, shapes: InputShapes): OnnxModel {
  const { inputs } = model.graph;
  checkShapes(inputs, shapes);
  const bound = inputs.map((input) =>
    bindShape(input, Object.hasOwn(shapes, input.name) ? shapes[input.name] : undefined),
  );
  return { ...model, graph: { ...model.graph, inputs: bound } };
}

/** Throws `tensor_name` and `tensor_shape` for shapes given for no input or another rank or size than declared. */
export function checkShapes(
  inputs: readonly { name: string; shape?: readonly number[] | undefined }[],
  shapes: InputShapes,
): void {
  const unknown = Object.keys(shapes).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) {
    const known = inputs.map(({ name }) => quoted(name)).join(', ');
    throw new SluiceError('tensor_name', `--shape ${quoted(unknown)}: no such input; the model has ${known}`);
  }
  for (const input of inputs) {
    if (Object.hasOwn(shapes, input.name)) checkGiven(input, shapes[input.name] ?? []);
  }
}

function bindShape(input: OnnxValue, given: readonly number[] | undefined): OnnxValue {
  const where = `graph input ${quoted(input.name)}`;
  const shape = given ?? input.shape?.map((size, axis) => (axis === 0 && size === -1 ? 1 : size));
  if (shape === undefined || shape.includes(-1)) {
    const declared = input.shape === undefined ? 'no shape' : `[${input.shape}]`;
    const example = (input.shape ?? [1, 3, 224, 224]).map((size, axis) =>
      size > 0 ? size : axis === 0 ? 1 : 'N',
    );
    throw new SluiceError(
      'model_unsupported',
      `${where}: it declares ${declared}; fix the open dimensions with --shape ${input.name}=${example}`,
    );
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (count < 1 || count > inputElementsMax) {
    throw new SluiceError(
      'model_unsupported',
      `${where}: [${shape}] are ${count} elements; 1 to ${inputElementsMax} expected, give others with --shape`,
    );
  }
  return { ...input, shape };
}

function checkGiven(
  { name, shape }: { name: string; shape?: readonly number[] | undefined },
  given: readonly number[],
): void {
  const isSize = given.every((size) => Number.isInteger(size) && size >= 1);
  const fits =
    shape === undefined ||
    (shape.length === given.length && shape.every((size, axis) => size === -1 || size === given[axis]));
  if (isSize && fits) return;
  const declared = shape === undefined ? 'whole numbers from 1' : `[${shape}], -1 being open`;
  throw new SluiceError('tensor_shape', `--shape ${name}=${given}: the model takes ${declared}`);
}
