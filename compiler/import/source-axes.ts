import type { OnnxNode } from '../onnx/model.ts';
import { type Axes, channelsFirst, channelsLast, defaultAxes } from './axes.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { transposeOrder } from './shape-rules.ts';

/** Operators that settle which axis the channels are: the second. */
const firstTakers: ReadonlySet<string> = new Set(
  'Conv ConvTranspose MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization InstanceNormalization LRN Resize Upsample DepthToSpace SpaceToDepth'.split(
    ' ',
  ),
);
/** Operators that settle it: the last. */
const lastTakers: ReadonlySet<string> = new Set(['MatMul', 'Gemm']);
/** Operators behind which the axes are as before. */
const transparent: ReadonlySet<string> = new Set(
  'Identity Dropout Cast QuantizeLinear DequantizeLinear Add Sub Mul Div Max Min Clip Relu LeakyRelu Sigmoid Tanh HardSigmoid HardSwish Pad Concat Neg'.split(
    ' ',
  ),
);

/** How far the search goes before the default is taken. */
const stepsMax = 64;

/**
 * Axes for a tensor that the NPU gets from outside: found by following its readers, through transposes, to
 * the first operator that says where channels stand.
 */
export function sourceAxes(
  name: string,
  { shape, builder }: { shape: readonly number[]; builder: GraphBuilder },
): Axes | undefined {
  const start = shape.map((_, axis) => axis);
  const waiting: { name: string; order: readonly number[] }[] = [{ name, order: start }];
  for (let step = 0; step < stepsMax; step += 1) {
    const next = waiting.shift();
    if (next === undefined) break;
    for (const node of builder.readersOf(next.name)) {
      const axes = axesTakenBy(node, { ...next, shape });
      if (axes !== undefined) return axes;
      const order = orderBehind(node, next.order);
      if (order !== undefined) waiting.push({ name: node.outputs[0] ?? '', order });
    }
  }
  return defaultAxes(shape);
}

/** Axes of the start's tensor when the node says what it takes. `order` lists them as the node sees them. */
function axesTakenBy(
  node: OnnxNode,
  { name, order, shape }: { name: string; order: readonly number[]; shape: readonly number[] },
): Axes | undefined {
  if (node.domain !== '' || node.inputs[0] !== name) return undefined;
  const seen = order.map((axis) => shape[axis] ?? 1);
  const taken = firstTakers.has(node.operator)
    ? channelsFirst(seen.length)
    : lastTakers.has(node.operator)
      ? channelsLast(seen)
      : undefined;
  return taken === undefined ? undefined : shape.map((_, axis) => taken[order.indexOf(axis)] ?? []);
}

function orderBehind(node: OnnxNode, order: readonly number[]): readonly number[] | undefined {
  if (node.operator === 'Transpose')
    return transposeOrder(node, order.length).map((axis) => order[axis] ?? 0);
  return transparent.has(node.operator) ? order : undefined;
}
