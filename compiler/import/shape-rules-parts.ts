import { integerAttribute, integersAttribute, type OnnxNode } from '../onnx/model.ts';
import { floatElements } from '../onnx/read-tensor.ts';
import { type FactTable, invalidNode, normaliseAxis } from './facts.ts';

type Shape = readonly number[];
type Shapes = readonly (Shape | undefined)[];

/** Gather along one axis: its place is taken by the shape of the indices. */
export function gatherShape(node: OnnxNode, facts: FactTable): Shapes {
  const data = facts.input(node, 0)?.shape;
  const indices = facts.input(node, 1)?.shape;
  if (data === undefined || indices === undefined) return [];
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', 0), data.length);
  return [[...data.slice(0, axis), ...indices, ...data.slice(axis + 1)]];
}

/** Elements of padding before and after each axis; undefined when they are computed. */
export function padsOf(
  node: OnnxNode,
  facts: FactTable,
): { before: readonly number[]; after: readonly number[] } | undefined {
  const rank = facts.input(node, 0)?.shape?.length;
  const pads = integersAttribute(node, 'pads') ?? facts.integers(node, 1);
  if (rank === undefined || pads === undefined) return undefined;
  const given = facts.integers(node, 3)?.map((axis) => normaliseAxis(node, axis, rank));
  const axes = given ?? Array.from({ length: rank }, (_, axis) => axis);
  if (pads.length !== 2 * axes.length) throw invalidNode(node, `pads [${pads}] on rank ${rank}`);
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  for (const [index, axis] of axes.entries()) {
    before[axis] = pads[index] ?? 0;
    after[axis] = pads[index + axes.length] ?? 0;
  }
  return { before, after };
}

/** Pad: each axis grows by its padding. */
export function padShape(node: OnnxNode, facts: FactTable): Shapes {
  const shape = facts.input(node, 0)?.shape;
  const pads = padsOf(node, facts);
  if (shape === undefined || pads === undefined) return [];
  return [shape.map((size, axis) => size + (pads.before[axis] ?? 0) + (pads.after[axis] ?? 0))];
}

/** Resize and Upsample: by sizes, else by scales, rounded down. */
export function resizeShape(node: OnnxNode, facts: FactTable): Shapes {
  const shape = facts.input(node, 0)?.shape;
  if (shape === undefined) return [];
  const axes = integersAttribute(node, 'axes')?.map((axis) => normaliseAxis(node, axis, shape.length));
  const place = (values: readonly number[], of: (value: number, size: number) => number): Shape[] => {
    if (values.length !== (axes?.length ?? shape.length)) {
      throw invalidNode(node, `${values.length} sizes or scales on rank ${shape.length}`);
    }
    return [
      shape.map((size, axis) => {
        const value = values[axes === undefined ? axis : axes.indexOf(axis)];
        return value === undefined ? size : of(value, size);
      }),
    ];
  };
  const isUpsample = node.operator === 'Upsample';
  const sizes = isUpsample ? undefined : facts.integers(node, 3);
  if (sizes !== undefined && sizes.length > 0) return place(sizes, (size) => size);
  // Before operator set 11, scales were the second input of Resize as of Upsample.
  const scales = facts.constant(node, isUpsample || facts.opset < 11 ? 1 : 2);
  if (scales?.data === undefined || scales.data.length === 0 || scales.elementType !== 1) return [];
  return place([...floatElements(scales.data)], (scale, size) => Math.floor(size * scale));
}

/** One axis of a Slice. */
export interface SliceRange {
  axis: number;
  start: number;
  step: number;
  count: number;
}

/** What a Slice keeps; undefined when its bounds are computed. */
export function sliceRangesOf(node: OnnxNode, facts: FactTable): SliceRange[] | undefined {
  const shape = facts.input(node, 0)?.shape;
  const starts = integersAttribute(node, 'starts') ?? facts.integers(node, 1);
  const ends = integersAttribute(node, 'ends') ?? facts.integers(node, 2);
  const isComputed = [3, 4].some(
    (index) => facts.input(node, index) !== undefined && facts.integers(node, index) === undefined,
  );
  if (shape === undefined || starts === undefined || ends === undefined || isComputed) return undefined;
  const axes = integersAttribute(node, 'axes') ?? facts.integers(node, 3) ?? starts.map((_, axis) => axis);
  const steps = facts.integers(node, 4) ?? starts.map(() => 1);
  return axes.map((given, index) => {
    const axis = normaliseAxis(node, given, shape.length);
    const step = steps[index] ?? 1;
    if (step === 0) throw invalidNode(node, 'its step is 0');
    return rangeOf({ axis, step, size: shape[axis] ?? 0, from: starts[index] ?? 0, to: ends[index] ?? 0 });
  });
}

/** numpy's rule for the bounds of a slice. */
function rangeOf(options: {
  axis: number;
  step: number;
  size: number;
  from: number;
  to: number;
}): SliceRange {
  const { axis, step, size, from, to } = options;
  const wrap = (value: number): number => (value < 0 ? value + size : value);
  const within = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
  const forward = step > 0;
  const start = within(wrap(from), 0, forward ? size : size - 1);
  const end = forward ? within(wrap(to), 0, size) : within(wrap(to), -1, size - 1);
  return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
}

/** Slice. */
export function sliceShape(node: OnnxNode, facts: FactTable): Shapes {
  const shape = facts.input(node, 0)?.shape;
  const ranges = sliceRangesOf(node, facts);
  if (shape === undefined || ranges === undefined) return [];
  const result = [...shape];
  for (const { axis, count } of ranges) result[axis] = count;
  return [result];
}

/** Split: by sizes, else into equal parts of which the last may be smaller. */
export function splitShapes(node: OnnxNode, facts: FactTable): Shapes {
  const shape = facts.input(node, 0)?.shape;
  if (shape === undefined) return [];
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', 0), shape.length);
  const given = integersAttribute(node, 'split') ?? facts.integers(node, 1);
  if (given === undefined && facts.input(node, 1) !== undefined) return [];
  const total = shape[axis] ?? 0;
  const most = Math.ceil(total / node.outputs.length);
  const sizes = given ?? node.outputs.map((_, index) => Math.max(0, Math.min(most, total - index * most)));
  if (sizes.length !== node.outputs.length || sizes.reduce((sum, size) => sum + size, 0) !== total) {
    throw invalidNode(node, `splits ${total} into [${sizes}]`);
  }
  return sizes.map((part) => shape.map((size, each) => (each === axis ? part : size)));
}

/** TopK: values and their indices. */
export function topKShapes(node: OnnxNode, facts: FactTable): Shapes {
  const shape = facts.input(node, 0)?.shape;
  const [count] = facts.integers(node, 1) ?? [];
  if (shape === undefined || count === undefined) return [];
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', -1), shape.length);
  const result = shape.map((size, each) => (each === axis ? count : size));
  return [result, result];
}

/** LSTM, GRU, RNN of layout 0: states of all steps, of the last one, and the LSTM's cells of the last one. */
export function recurrentShapes(node: OnnxNode, facts: FactTable): Shapes {
  const [steps, batch] = facts.input(node, 0)?.shape ?? [];
  const [directions, , size] = facts.input(node, 2)?.shape ?? [];
  const isKnown =
    steps !== undefined && batch !== undefined && directions !== undefined && size !== undefined;
  if (!isKnown || integerAttribute(node, 'layout', 0) !== 0) return [];
  const last = [directions, batch, size];
  return [[steps, directions, batch, size], last, last];
}
