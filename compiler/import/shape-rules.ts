import { elementCount } from '../../contract/tensor-data.ts';
import { integerAttribute, integersAttribute, type OnnxNode } from '../onnx/model.ts';
import { type FactTable, invalidNode, normaliseAxis } from './facts.ts';
import {
  gatherShape,
  padShape,
  recurrentShapes,
  resizeShape,
  sliceShape,
  splitShapes,
  topKShapes,
} from './shape-rules-parts.ts';
import { windowSizesOf } from './windows.ts';

type Shape = readonly number[];

/** Shapes of a node's outputs; undefined for one that is not known. */
type ShapeRule = (node: OnnxNode, facts: FactTable) => readonly (Shape | undefined)[];

/** Wraps a rule that needs the first input's shape. */
function ofFirst(
  rule: (shape: Shape, node: OnnxNode, facts: FactTable) => readonly (Shape | undefined)[],
): ShapeRule {
  return (node, facts) => {
    const shape = facts.input(node, 0)?.shape;
    return shape === undefined ? [] : rule(shape, node, facts);
  };
}

const sameShape = ofFirst((shape) => [shape]);

const broadcast: ShapeRule = (node, facts) => {
  const shapes = node.inputs.map((_, index) => facts.input(node, index)?.shape);
  if (shapes.some((shape) => shape === undefined)) return [];
  return [broadcastShape(node, shapes as Shape[])];
};

/** Shape that operands broadcast to (numpy's rule). Throws `model_invalid` where they contradict. */
function broadcastShape(node: OnnxNode, shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((each) => each !== 1) ?? 1;
    if (sizes.some((each) => each !== 1 && each !== size)) {
      throw invalidNode(node, `shapes ${shapes.map((shape) => `[${shape}]`).join(' and ')} do not fit`);
    }
    return size;
  });
}

const convolution: ShapeRule = (node, facts) => {
  const input = facts.input(node, 0)?.shape;
  const weights = facts.input(node, 1)?.shape;
  if (input === undefined || weights === undefined) return [];
  const [batch = 1, channels = 0, ...sizes] = input;
  const [outputs = 0, perGroup = 0, ...kernel] = weights;
  const groups = integerAttribute(node, 'group', 1);
  if (groups < 1 || perGroup * groups !== channels || outputs % groups !== 0) {
    throw invalidNode(node, `weights [${weights}] in ${groups} groups on input [${input}]`);
  }
  return [[batch, outputs, ...windowSizesOf(node, { input: sizes, kernel }).output]];
};

const transposedConvolution: ShapeRule = (node, facts) => {
  const input = facts.input(node, 0)?.shape;
  const weights = facts.input(node, 1)?.shape;
  const isPlain = !node.attributes.has('output_shape') && !node.attributes.has('auto_pad');
  if (input === undefined || weights === undefined || !isPlain) return [];
  const [batch = 1, , ...sizes] = input;
  const [, perGroup = 0, ...kernel] = weights;
  const attribute = (name: string, fallback: number): ((axis: number) => number) => {
    const values = integersAttribute(node, name);
    return (axis) => values?.[axis] ?? fallback;
  };
  const [stride, dilation] = [attribute('strides', 1), attribute('dilations', 1)];
  const [pad, extra] = [attribute('pads', 0), attribute('output_padding', 0)];
  const spatial = sizes.map((size, axis) => {
    const span = ((kernel[axis] ?? 1) - 1) * dilation(axis) + 1;
    return stride(axis) * (size - 1) + extra(axis) + span - pad(axis) - pad(axis + sizes.length);
  });
  return [[batch, perGroup * integerAttribute(node, 'group', 1), ...spatial]];
};

const pool = ofFirst(([batch = 1, channels = 0, ...input], node) => {
  const kernel = integersAttribute(node, 'kernel_shape') ?? [];
  const shape = [batch, channels, ...windowSizesOf(node, { input, kernel }).output];
  return [shape, shape];
});

const globalPool = ofFirst(([batch = 1, channels = 0, ...sizes]) => [
  [batch, channels, ...sizes.map(() => 1)],
]);

const gemm: ShapeRule = (node, facts) => {
  const first = facts.input(node, 0)?.shape;
  const second = facts.input(node, 1)?.shape;
  if (first?.length !== 2 || second?.length !== 2) return [];
  const [rows = 0, inner = 0] = integerAttribute(node, 'transA', 0) === 0 ? first : [...first].reverse();
  const [height = 0, columns = 0] =
    integerAttribute(node, 'transB', 0) === 0 ? second : [...second].reverse();
  if (inner !== height) throw invalidNode(node, `product of [${first}] and [${second}]`);
  return [[rows, columns]];
};

const matrixProduct: ShapeRule = (node, facts) => {
  const first = facts.input(node, 0)?.shape;
  const second = facts.input(node, 1)?.shape;
  if (first === undefined || second === undefined || first.length === 0 || second.length === 0) return [];
  const left = first.length === 1 ? [1, ...first] : first;
  const right = second.length === 1 ? [...second, 1] : second;
  if (left.at(-1) !== right.at(-2)) throw invalidNode(node, `product of [${first}] and [${second}]`);
  const outer = broadcastShape(node, [left.slice(0, -2), right.slice(0, -2)]);
  const rows = first.length === 1 ? [] : left.slice(-2, -1);
  const columns = second.length === 1 ? [] : right.slice(-1);
  return [[...outer, ...rows, ...columns]];
};

const flatten = ofFirst((shape, node) => {
  const axis = integerAttribute(node, 'axis', 1);
  const cut = axis === shape.length ? axis : normaliseAxis(node, axis, shape.length);
  return [[elementCount(shape.slice(0, cut)), elementCount(shape.slice(cut))]];
});

const reshape = ofFirst((shape, node, facts) => {
  const target = facts.integers(node, 1);
  if (target === undefined) return [];
  const keepsZero = integerAttribute(node, 'allowzero', 0) !== 0;
  const sizes = target.map((size, axis) => (size === 0 && !keepsZero ? (shape[axis] ?? 0) : size));
  const known = elementCount(sizes.filter((size) => size !== -1));
  const result = sizes.map((size) => (size === -1 ? elementCount(shape) / known : size));
  const isWhole = result.every((size) => Number.isInteger(size) && size >= 0);
  if (!isWhole || elementCount(result) !== elementCount(shape)) {
    throw invalidNode(node, `reshapes [${shape}] to [${target}]; a model made for another shape`);
  }
  return [result];
});

const transpose = ofFirst((shape, node) => [
  transposeOrder(node, shape.length).map((axis) => shape[axis] ?? 0),
]);

/** Axes of a Transpose's input in the order of its output. Throws `model_invalid` where they are no order. */
export function transposeOrder(node: OnnxNode, rank: number): readonly number[] {
  const order = integersAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  if (order.length === rank && new Set(order).size === rank) {
    return order.map((axis) => normaliseAxis(node, axis, rank));
  }
  throw invalidNode(node, `perm is [${order}] on rank ${rank}`);
}

const squeeze = ofFirst((shape, node, facts) => {
  const axes = facts.axes(node, 1)?.map((axis) => normaliseAxis(node, axis, shape.length));
  return [shape.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis)))];
});

const unsqueeze = ofFirst((shape, node, facts) => {
  const given = facts.axes(node, 1);
  if (given === undefined) return [];
  const rank = shape.length + given.length;
  const axes = new Set(given.map((axis) => normaliseAxis(node, axis, rank)));
  const rest = [...shape];
  return [Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (rest.shift() ?? 1)))];
});

const concat: ShapeRule = (node, facts) => {
  const shapes = node.inputs.map((_, index) => facts.input(node, index)?.shape);
  const [first] = shapes;
  if (first === undefined || shapes.some((shape) => shape === undefined)) return [];
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', 0), first.length);
  const fits = shapes.every(
    (shape) =>
      shape?.length === first.length && shape.every((size, each) => each === axis || size === first[each]),
  );
  if (!fits)
    throw invalidNode(node, `joins ${shapes.map((shape) => `[${shape}]`).join(', ')} along axis ${axis}`);
  const total = shapes.reduce((sum, shape) => sum + (shape?.[axis] ?? 0), 0);
  return [first.map((size, each) => (each === axis ? total : size))];
};

const reduce = ofFirst((shape, node, facts) => {
  const given = facts.axes(node, 1);
  if (given === undefined && (node.inputs[1] ?? '') !== '') return [];
  const isNothing = (given?.length ?? 0) === 0 && integerAttribute(node, 'noop_with_empty_axes', 0) !== 0;
  if (isNothing) return [shape];
  const all = given === undefined || given.length === 0;
  const axes = all ? shape.keys() : given.map((axis) => normaliseAxis(node, axis, shape.length));
  return [reducedShape(shape, new Set(axes), integerAttribute(node, 'keepdims', 1) !== 0)];
});

const argument = ofFirst((shape, node) => {
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', 0), shape.length);
  return [reducedShape(shape, new Set([axis]), integerAttribute(node, 'keepdims', 1) !== 0)];
});

function reducedShape(shape: Shape, axes: ReadonlySet<number>, keeps: boolean): Shape {
  return keeps
    ? shape.map((size, axis) => (axes.has(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.has(axis));
}

const expand: ShapeRule = (node, facts) => {
  const shape = facts.input(node, 0)?.shape;
  const target = facts.integers(node, 1);
  return shape === undefined || target === undefined ? [] : [broadcastShape(node, [shape, target])];
};

const tile = ofFirst((shape, node, facts) => {
  const repeats = facts.integers(node, 1);
  return repeats === undefined ? [] : [shape.map((size, axis) => size * (repeats[axis] ?? 1))];
});

const constantOfShape: ShapeRule = (node, facts) => [facts.integers(node, 0)];

const depthToSpace = ofFirst(([batch = 1, channels = 0, rows = 0, columns = 0], node) => {
  const block = integerAttribute(node, 'blocksize', 1);
  const isDepth = node.operator === 'DepthToSpace';
  return isDepth
    ? [[batch, channels / block ** 2, rows * block, columns * block]]
    : [[batch, channels * block ** 2, rows / block, columns / block]];
});

const range: ShapeRule = (node, facts) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => facts.integers(node, index)?.[0]);
  if (start === undefined || limit === undefined || delta === undefined || delta === 0) return [];
  return [[Math.max(0, Math.ceil((limit - start) / delta))]];
};

const rank: ShapeRule = ofFirst((shape) => [[shape.length]]);

const rulesOf: readonly (readonly [ShapeRule, string])[] = [
  [
    sameShape,
    'Abs Neg Exp Log Sqrt Reciprocal Floor Ceil Round Sign Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Erf Tanh Sigmoid Relu LeakyRelu Elu Selu Celu ThresholdedRelu HardSigmoid HardSwish Softplus Softsign Mish Gelu Not IsNaN IsInf Clip Cast CastLike Identity Dropout Softmax LogSoftmax Hardmax LpNormalization LRN BatchNormalization InstanceNormalization LayerNormalization GroupNormalization MeanVarianceNormalization CumSum Trilu Shrink QuantizeLinear DequantizeLinear BitwiseNot com.microsoft.QuickGelu com.microsoft.FastGelu com.microsoft.Gelu',
  ],
  [
    broadcast,
    'Add Sub Mul Div Pow Mod Min Max Sum Mean And Or Xor Equal Less Greater LessOrEqual GreaterOrEqual Where PRelu BitShift BitwiseAnd BitwiseOr BitwiseXor',
  ],
  [convolution, 'Conv'],
  [transposedConvolution, 'ConvTranspose'],
  [pool, 'MaxPool AveragePool LpPool'],
  [globalPool, 'GlobalAveragePool GlobalMaxPool GlobalLpPool'],
  [gemm, 'Gemm'],
  [matrixProduct, 'MatMul'],
  [flatten, 'Flatten'],
  [reshape, 'Reshape'],
  [transpose, 'Transpose'],
  [squeeze, 'Squeeze'],
  [unsqueeze, 'Unsqueeze'],
  [concat, 'Concat'],
  [
    reduce,
    'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare',
  ],
  [argument, 'ArgMax ArgMin'],
  [expand, 'Expand'],
  [tile, 'Tile'],
  [constantOfShape, 'ConstantOfShape'],
  [depthToSpace, 'DepthToSpace SpaceToDepth'],
  [rank, 'Shape'],
  [range, 'Range'],
  [() => [[]], 'Size'],
  [gatherShape, 'Gather'],
  [padShape, 'Pad'],
  [resizeShape, 'Resize Upsample'],
  [sliceShape, 'Slice'],
  [splitShapes, 'Split'],
  [topKShapes, 'TopK'],
  [recurrentShapes, 'LSTM GRU RNN'],
];

/** Shape rules by operator, with its domain in front unless it is ONNX's own. */
export const shapeRules: ReadonlyMap<string, ShapeRule> = new Map(
  rulesOf.flatMap(([rule, operators]) => operators.split(' ').map((operator) => [operator, rule] as const)),
);
