import { SluiceError } from '../../contract/errors.ts';
import { elementType, elementTypeName } from '../onnx/element-types.ts';
import { describeNode, type OnnxGraph, type OnnxNode, unsupportedNode } from '../onnx/model.ts';
import { floatElements, int8Elements, int32Elements, int64Elements } from '../onnx/read-tensor.ts';
import { quoted } from '../quoted.ts';

/** A node's constant operand: position and what it is called in messages. */
export interface Operand {
  node: OnnxNode;
  index: number;
  /** For example `weight scale`. */
  role: string;
}

interface Constant {
  shape: readonly number[];
  data: Uint8Array;
}

/** Whether the node gives the operand at all. */
export function hasOperand({ node, index }: Pick<Operand, 'node' | 'index'>): boolean {
  return (node.inputs[index] ?? '') !== '';
}

function constantOf(graph: OnnxGraph, operand: Operand, wanted: keyof typeof elementType): Constant {
  const { node, index, role } = operand;
  const name = node.inputs[index] ?? '';
  const tensor = graph.initialisers.get(name);
  if (name === '') throw unsupportedNode(node, `its ${role} is missing`);
  if (tensor === undefined) throw unsupportedNode(node, `its ${role} ${quoted(name)} is no initialiser`);
  if (tensor.elementType !== elementType[wanted] || tensor.data === undefined) {
    const actual = elementTypeName(tensor.elementType);
    throw unsupportedNode(node, `its ${role} ${quoted(name)} is ${actual}; this NPU takes ${wanted}`);
  }
  return { shape: tensor.shape, data: tensor.data };
}

/** Positive, finite float32 scales. Throws `model_invalid` for any other. */
export function scalesOf(graph: OnnxGraph, operand: Operand): Float32Array {
  const scales = floatElements(constantOf(graph, operand, 'FLOAT').data);
  const wrong = scales.find((scale) => !(scale > 0 && scale < Number.POSITIVE_INFINITY));
  if (wrong !== undefined) {
    const where = `${describeNode(operand.node)}: its ${operand.role}`;
    throw new SluiceError('model_invalid', `${where} holds ${wrong}; scales are positive and finite`);
  }
  return scales;
}

/** The one scale of a tensor quantised as a whole. */
export function scaleOf(graph: OnnxGraph, operand: Operand): number {
  return onlyElement(scalesOf(graph, operand), operand);
}

/** The int8 zero points of weights, or the one of a tensor. */
export function zeroPointsOf(graph: OnnxGraph, operand: Operand): Int8Array {
  return int8Elements(constantOf(graph, operand, 'INT8').data);
}

/** The one zero point of a tensor quantised as a whole. */
export function zeroPointOf(graph: OnnxGraph, operand: Operand): number {
  return onlyElement(zeroPointsOf(graph, operand), operand);
}

/** An int8 constant with its shape. */
export function int8ConstantOf(
  graph: OnnxGraph,
  operand: Operand,
): { shape: readonly number[]; values: Int8Array } {
  const { shape, data } = constantOf(graph, operand, 'INT8');
  return { shape, values: int8Elements(data) };
}

/** An int32 constant. */
export function int32ConstantOf(graph: OnnxGraph, operand: Operand): Int32Array {
  return int32Elements(constantOf(graph, operand, 'INT32').data);
}

/** A shape given as an int64 constant. */
export function shapeConstantOf(graph: OnnxGraph, operand: Operand): number[] {
  return int64Elements(constantOf(graph, operand, 'INT64').data);
}

function onlyElement(values: Float32Array | Int8Array, { node, role }: Operand): number {
  const [value] = values;
  if (value === undefined || values.length !== 1) {
    throw unsupportedNode(
      node,
      `its ${role} has ${values.length} elements; this NPU takes one for the whole tensor`,
    );
  }
  return value;
}
