import type { OnnxNode, OnnxTensor } from '../onnx/model.ts';
import { padAxes, sameAxes } from './axes.ts';
import type { ImportedMap } from './graph.ts';
import { decline, type GraphBuilder, type Value } from './graph-builder.ts';
import { realOf, scalarOf } from './quantised-values.ts';
import {
  argument,
  call,
  callCount,
  constant,
  isScalarOperator,
  type ScalarFunction,
  type ScalarOperator,
} from './scalar-function.ts';
import { affine, affineBody, perChannel } from './translate-affine.ts';
import { outputShape } from './translate-layout.ts';
import { translateMaps } from './translate-maps.ts';
import { unaryFunction } from './unary-functions.ts';

/** Calls that one table's function may have before it is cut in two. */
const callsMax = 64;

/** Operators that keep a value put off: what reads it can take the function in. */
const readersOfFunctions: ReadonlySet<string> = new Set(
  'Add Sub Mul Div Max Min Sum Clip PRelu Pow Gelu Reshape Flatten Squeeze Unsqueeze Transpose Identity Dropout Cast QuantizeLinear'.split(
    ' ',
  ),
);

/** Operators that are defined on integers as they are on the numbers that these mean. */
const monotonic: ReadonlySet<string> = new Set(['Max', 'Min', 'Clip', 'Relu']);

/** An operator of one computed operand: the function is kept for what reads it. */
export function translateUnary(node: OnnxNode, builder: GraphBuilder): void {
  const value = builder.value(node, 0);
  checkIntegers(node, value);
  defineFunction(node, builder, { ...value, scalar: unaryFunction(node, value.scalar, builder) });
}

/** Add, Sub, Mul, Div, Max, Min, Sum of constants and computed tensors. */
export function translateArithmetic(node: OnnxNode, builder: GraphBuilder): void {
  const operator = node.operator === 'Sum' ? 'Add' : node.operator;
  if (!isScalarOperator(operator)) decline('it is no function that the NPU tabulates');
  const operands = node.inputs.map((_, index) => builder.facts.constant(node, index));
  const computed = operands.flatMap((operand, index) => (operand === undefined ? [index] : []));
  const values = computed.map((index) => builder.value(node, index));
  const [first] = values;
  if (first === undefined) decline('all its operands are constant');
  for (const value of values) checkIntegers(node, value);
  if (values.every((value) => isSameView(first, value))) {
    const vector = operands.find((tensor) => tensor !== undefined && scalarOf(tensor) === undefined);
    if (vector === undefined) composeOperands(node, builder, { operator, operands, first });
    else translateVector(node, builder, { operator, operands });
    return;
  }
  if (operands.some((tensor) => tensor !== undefined)) decline('joins several tensors and a constant');
  translateMaps(node, builder, operator);
}

/** Integers are compared as they are; other operators would compute on the integers themselves. */
function checkIntegers(node: OnnxNode, value: Value): void {
  if (value.isInteger && !monotonic.has(node.operator)) decline('computes on quantised integers');
}

/** Whether two values are functions of the same elements in the same places. */
function isSameView(first: Value, second: Value): boolean {
  return (
    first.map === second.map &&
    first.isInteger === second.isInteger &&
    sameAxes(first.map, padAxes(first.axes, 8), padAxes(second.axes, 8))
  );
}

function composeOperands(
  node: OnnxNode,
  builder: GraphBuilder,
  options: {
    operator: ScalarOperator;
    operands: readonly (OnnxTensor | undefined)[];
    first: Value;
  },
): void {
  const { operator, operands, first } = options;
  const values: Value[] = [];
  const functions = operands.map((tensor, index) => {
    if (tensor !== undefined) return constant(finiteOperand(operator, realOf(node, builder, tensor)));
    const value = builder.value(node, index);
    values.push(value);
    return value.scalar;
  });
  checkDivisor(operator, functions);
  const scalar = functions.reduce((joined, next) => call(operator, [joined, next]));
  const nodes = [...new Set(values.flatMap((value) => value.nodes))];
  defineFunction(node, builder, { ...first, scalar, nodes });
}

/** Bounds may be infinite, other operands not: their results would be no numbers. */
function finiteOperand(operator: string, value: number): number {
  return Number.isFinite(value) || operator === 'Max' || operator === 'Min'
    ? value
    : decline(`an operand is ${value}`);
}

function checkDivisor(operator: string, [, divisor]: readonly ScalarFunction[]): void {
  if (operator !== 'Div') return;
  if (divisor?.kind !== 'constant' || divisor.value === 0) decline('divides by what is computed, or by 0');
}

/** Says that the node's output is a function of a map; computes it at once when something needs the numbers. */
function defineFunction(node: OnnxNode, builder: GraphBuilder, value: Value): void {
  const [output = ''] = node.outputs;
  const shape = outputShape(node, builder);
  if (
    shape.reduce((product, size) => product * size, 1) !==
    value.shape.reduce((product, size) => product * size, 1)
  ) {
    decline(`spreads [${value.shape}] to [${shape}]`);
  }
  const axes = padAxes(value.axes, shape.length);
  const nodes = [...value.nodes, node];
  builder.define(output, { ...value, axes, shape, nodes });
  const isRead = builder.readersOf(output).some((reader) => !canTakeIn(reader));
  if (isRead || builder.isGraphOutput(output) || callCount(value.scalar) > callsMax)
    builder.materialise(output);
}

function canTakeIn(reader: OnnxNode): boolean {
  return readersOfFunctions.has(reader.operator) || isScalarOperator(reader.operator);
}

/** One computed operand and a constant for each channel: a depthwise convolution of 1 x 1. */
function translateVector(
  node: OnnxNode,
  builder: GraphBuilder,
  { operator, operands }: { operator: string; operands: readonly (OnnxTensor | undefined)[] },
): void {
  const [left, right] = operands;
  if (operands.length !== 2 || (left === undefined) === (right === undefined)) {
    decline('several operands and a constant for each channel');
  }
  const index = left === undefined ? 0 : 1;
  const values = perChannel(node, builder, { data: index, constant: 1 - index });
  const ones = values.map(() => 1);
  const zeros = values.map(() => 0);
  const rules: Record<string, () => { scale: readonly number[]; shift: readonly number[] }> = {
    Add: () => ({ scale: ones, shift: values }),
    Sub: () =>
      index === 0
        ? { scale: ones, shift: values.map((value) => -value) }
        : { scale: ones.map(() => -1), shift: values },
    Mul: () => ({ scale: values, shift: zeros }),
    Div: () => {
      if (index !== 0 || values.includes(0)) decline('divides by what is computed, or by 0');
      return { scale: values.map((value) => 1 / value), shift: zeros };
    },
  };
  const rule = rules[operator] ?? decline('a constant for each channel; the NPU takes one for all');
  affine(node, builder, { index, ...rule() });
}

/** PRelu: LeakyRelu when all slopes are equal, else the sum of the positive part and the scaled negative one. */
export function translatePRelu(node: OnnxNode, builder: GraphBuilder): void {
  const slopes = builder.facts.constant(node, 1) ?? decline('its slope is computed');
  const slope = scalarOf(slopes);
  const value = builder.value(node, 0);
  checkIntegers(node, value);
  if (slope !== undefined) {
    defineFunction(node, builder, { ...value, scalar: call('LeakyRelu', [value.scalar], [slope]) });
    return;
  }
  const values = perChannel(node, builder, { data: 0, constant: 1 });
  const [output = ''] = node.outputs;
  const input = builder.materialise(node.inputs[0] ?? '');
  const part = (name: string, scalar: ScalarFunction): ImportedMap =>
    builder.emitStep(
      node,
      { kind: 'activation', input, scalar },
      { tensor: `${output}//${name}`, sizes: input },
    );
  const positive = part('positive', call('Relu', [argument]));
  const negative = part('negative', call('Min', [argument, constant(0)]));
  const scaled = builder.emitStep(node, affineBody(negative, { scale: values, shift: values.map(() => 0) }), {
    tensor: `${output}//scaled`,
    sizes: input,
  });
  builder.emit(
    node,
    { kind: 'add', first: positive, second: scaled },
    { tensor: output, sizes: input, axes: value.axes },
  );
}
