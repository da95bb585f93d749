import { InvalidArgumentError } from 'commander';
import { checkShapes } from '../../compiler/import/bind-shapes.ts';
import type { Datatype } from '../../contract/tensors.ts';

/** One input of a model with every dimension known. */
export interface CalibrationInput {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
  /** Whether the shape is that of `--shape`. */
  isGiven?: boolean;
}

/** One input of a model as far as it says what it takes; open dimensions are -1. */
export interface DeclaredInput {
  name: string;
  datatype: Datatype;
  shape?: readonly number[];
}

/** Dimensions of inputs by name, as `--shape` gives them. */
export type ShapeOptions = Record<string, number[]>;

/** Argument parser of `--shape`, which may be given several times: `name=1,3,224,224`. */
export function shapeOption(text: string, previous: ShapeOptions = {}): ShapeOptions {
  const end = text.lastIndexOf('=');
  const sizes = text.slice(end + 1).split(',');
  if (end < 1 || !sizes.every((size) => /^[1-9]\d{0,8}$/.test(size.trim()))) {
    throw new InvalidArgumentError('Expected name=sizes, such as input=1,3,224,224.');
  }
  // A computed key, so that an input may be called __proto__ without any harm.
  return { ...previous, [text.slice(0, end)]: sizes.map(Number) };
}

/**
 * The model's inputs as calibration feeds them: dimensions given, else those declared, an open first one
 * being the batch and 1. Dimensions that stay open are left at -1: importing the model refuses them with
 * the advice that fits. Throws `tensor_name` and `tensor_shape` for dimensions that the model does not take.
 */
export function calibrationInputs(
  declared: readonly DeclaredInput[],
  shapes: ShapeOptions,
): CalibrationInput[] {
  checkShapes(declared, shapes);
  return declared.map(({ name, datatype, shape = [-1, -1] }) =>
    Object.hasOwn(shapes, name)
      ? { name, datatype, shape: shapes[name] ?? [], isGiven: true }
      : { name, datatype, shape: shape.map((size, axis) => (axis === 0 && size === -1 ? 1 : size)) },
  );
}

/** What an input takes, as errors say it. */
export function describeShape({ shape, isGiven = false }: CalibrationInput): string {
  return `[${shape}]${isGiven ? ' (by --shape)' : ''}`;
}

/** Whether every dimension is known. */
export function isBound(inputs: readonly CalibrationInput[]): boolean {
  return inputs.every(({ shape }) => shape.every((size) => size > 0));
}
