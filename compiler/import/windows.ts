import { integerAttribute, integersAttribute, type OnnxNode, stringAttribute } from '../onnx/model.ts';
import { invalidNode } from './facts.ts';

/** Window of a convolution or pool along each spatial axis of the input. */
export interface WindowSizes {
  kernel: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  padsBefore: readonly number[];
  padsAfter: readonly number[];
  /** Rows and columns that `ceil_mode` reads beyond the padding. */
  overhang: readonly number[];
  output: readonly number[];
}

/** Largest number that any attribute of a window may hold: keeps sums exact. */
const attributeMax = 1 << 24;

/**
 * The window of Conv, MaxPool, AveragePool and their like, `auto_pad` and `ceil_mode` resolved as
 * onnx/docs/Operators.md says. Throws `model_invalid` for attributes that contradict the input's rank.
 */
export function windowSizesOf(
  node: OnnxNode,
  { input, kernel }: { input: readonly number[]; kernel: readonly number[] },
): WindowSizes {
  const rank = input.length;
  const list = (name: string, length: number, fallback: number): readonly number[] => {
    const values = integersAttribute(node, name) ?? new Array<number>(length).fill(fallback);
    const isWrong = values.some((value) => value < fallback || value > attributeMax);
    if (values.length !== length || isWrong) throw invalidNode(node, `${name} is [${values}]`);
    return values;
  };
  if (kernel.length !== rank || kernel.some((size) => size < 1 || size > attributeMax)) {
    throw invalidNode(node, `kernel [${kernel}] on ${rank} spatial axes`);
  }
  const strides = list('strides', rank, 1);
  const dilations = list('dilations', rank, 1);
  const pads = list('pads', 2 * rank, 0);
  const isCeil = integerAttribute(node, 'ceil_mode', 0) !== 0;
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET');
  const spans = kernel.map((size, axis) => (size - 1) * (dilations[axis] ?? 1) + 1);
  const axes = input.map((size, axis) =>
    axisOf(node, {
      size,
      span: spans[axis] ?? 1,
      stride: strides[axis] ?? 1,
      before: pads[axis] ?? 0,
      after: pads[axis + rank] ?? 0,
      autoPad,
      isCeil,
    }),
  );
  return {
    kernel,
    strides,
    dilations,
    padsBefore: axes.map(({ before }) => before),
    padsAfter: axes.map(({ after }) => after),
    overhang: axes.map(({ overhang }) => overhang),
    output: axes.map(({ output }) => output),
  };
}

interface AxisOptions {
  size: number;
  /** Input elements from the first tap to the last. */
  span: number;
  stride: number;
  before: number;
  after: number;
  autoPad: string;
  isCeil: boolean;
}

function axisOf(
  node: OnnxNode,
  options: AxisOptions,
): { before: number; after: number; overhang: number; output: number } {
  const { size, span, stride, isCeil } = options;
  const { before, after } = padsOf(options);
  const room = size + before + after - span;
  if (room < 0) throw invalidNode(node, `window of ${span} on ${size} padded by ${before} and ${after}`);
  let output = (isCeil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
  // A window that begins in the padding behind the input is left out (onnx/docs/Operators.md, MaxPool 22).
  if (isCeil && (output - 1) * stride >= size + before) output -= 1;
  return { before, after, output, overhang: Math.max(0, (output - 1) * stride - room) };
}

function padsOf({ size, span, stride, before, after, autoPad }: AxisOptions): {
  before: number;
  after: number;
} {
  if (autoPad === 'VALID') return { before: 0, after: 0 };
  if (autoPad !== 'SAME_UPPER' && autoPad !== 'SAME_LOWER') return { before, after };
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + span - size);
  const small = Math.floor(total / 2);
  return autoPad === 'SAME_UPPER'
    ? { before: small, after: total - small }
    : { before: total - small, after: small };
}
