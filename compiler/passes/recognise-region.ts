import { SluiceError } from '../../contract/errors.ts';
import { elementType, elementTypeName } from '../onnx/element-types.ts';
import {
  describeNode,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
  operatorOf,
  unsupportedNode,
} from '../onnx/model.ts';
import { quoted } from '../quoted.ts';
import { clampOperators, foldClamp } from './clamps.ts';
import { scaleOf, zeroPointOf } from './constants.ts';
import { readConvolution, readGemm, readMatMul } from './dense-nodes.ts';
import type { BatchShape, DenseLayer, QuantisedRegion, RegionBoundary } from './region.ts';
import { describeShape, inputShape, reshape } from './shapes.ts';

/** A graph with the nodes that read each tensor. */
interface IndexedGraph {
  graph: OnnxGraph;
  readersOf: ReadonlyMap<string, readonly OnnxNode[]>;
}

/** How far the walk along the chain has come. */
interface Position {
  tensor: string;
  shape: BatchShape;
}

const denseReaders: ReadonlyMap<string, typeof readConvolution> = new Map([
  ['QLinearConv', readConvolution],
  ['com.microsoft.QGemm', readGemm],
  ['QLinearMatMul', readMatMul],
]);

/** Attributes of QuantizeLinear and DequantizeLinear that mean nothing for one int8 scale. */
const boundaryAttributes: ReadonlySet<string> = new Set(['axis', 'saturate']);

/**
 * Finds the region that the NPU computes: QuantizeLinear, a chain of dense layers with clamps and
 * reshapes, DequantizeLinear. In this version the whole model must be that chain.
 * Throws `model_unsupported` naming the node, its operator and the reason; `model_invalid` for scales
 * and shapes that contradict ONNX.
 */
export function recogniseRegion(model: OnnxModel): QuantisedRegion {
  const { graph } = model;
  const indexed = { graph, readersOf: indexReaders(graph) };
  const input = readHead(indexed);
  const layers: DenseLayer[] = [];
  const nodes: OnnxNode[] = [];
  let position: Position = { tensor: input.quantisedTensor, shape: input.shape };
  let node = onlyReader(indexed, position.tensor);
  while (operatorOf(node) !== 'DequantizeLinear') {
    nodes.push(node);
    position = step(graph, { node, position, layers });
    node = onlyReader(indexed, position.tensor);
  }
  const output = readTail(indexed, { node, position, layerCount: layers.length });
  checkNothingElse(graph, new Set([input.node, ...nodes, output.node]));
  return { input, output, layers, nodes };
}

function indexReaders(graph: OnnxGraph): Map<string, OnnxNode[]> {
  const readersOf = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const name of new Set(node.inputs)) {
      const readers = readersOf.get(name);
      if (readers === undefined) readersOf.set(name, [node]);
      else readers.push(node);
    }
  }
  return readersOf;
}

/** Takes one node of the region; adds its layer to `layers` or folds it into the last one. */
function step(
  graph: OnnxGraph,
  options: { node: OnnxNode; position: Position; layers: DenseLayer[] },
): Position {
  const { node, position, layers } = options;
  const { tensor, shape } = position;
  const operator = operatorOf(node);
  const next = node.outputs[0] ?? '';
  const readDense = denseReaders.get(operator);
  const isData = node.inputs[0] === tensor;
  if (readDense !== undefined && isData) {
    const result = readDense(graph, node, shape);
    layers.push(result.layer);
    return { tensor: next, shape: result.shape };
  }
  if ((operator === 'Reshape' || operator === 'Flatten') && isData) {
    return { tensor: next, shape: reshape(graph, node, shape) };
  }
  if (clampOperators.has(operator)) {
    const layer = layers.pop();
    if (layer === undefined)
      throw unsupportedNode(node, 'it bounds the input; this NPU bounds outputs of layers');
    layers.push(foldClamp(graph, { node, tensor, shape, layer }));
    return { tensor: next, shape };
  }
  throw unsupportedNode(node, `this NPU cannot compute it on the quantised tensor ${quoted(tensor)}`);
}

function readHead(indexed: IndexedGraph): RegionBoundary {
  const { inputs, outputs } = indexed.graph;
  const [input] = inputs;
  if (input === undefined || inputs.length > 1 || outputs.length > 1) {
    const counts = `${inputs.length} graph inputs and ${outputs.length} outputs`;
    throw new SluiceError(
      'model_unsupported',
      `ONNX model: ${counts}; this NPU takes models with one of each`,
    );
  }
  checkFloat(input, 'input');
  const node = onlyReader(indexed, input.name);
  if (operatorOf(node) !== 'QuantizeLinear') {
    throw unsupportedNode(
      node,
      'it reads the float input; this NPU takes models that begin with QuantizeLinear to int8',
    );
  }
  return readBoundary(indexed.graph, {
    node,
    floatTensor: input.name,
    quantisedTensor: node.outputs[0] ?? '',
    shape: inputShape(input),
  });
}

function readTail(
  indexed: IndexedGraph,
  options: { node: OnnxNode; position: Position; layerCount: number },
): RegionBoundary {
  const { node, position, layerCount } = options;
  const { graph, readersOf } = indexed;
  const floatTensor = node.outputs[0] ?? '';
  const [reader] = readersOf.get(floatTensor) ?? [];
  if (reader !== undefined) {
    const where = `it computes on the float numbers of ${describeNode(node)}`;
    throw unsupportedNode(reader, `${where}; this NPU takes QLinear operators only`);
  }
  if (layerCount === 0) throw unsupportedNode(node, 'no layer stands between it and QuantizeLinear');
  const [output] = graph.outputs;
  if (output?.name !== floatTensor) throw unsupportedNode(node, 'its output is not the output of the graph');
  checkFloat(output, 'output');
  checkDeclared(output, position.shape);
  return readBoundary(graph, {
    node,
    floatTensor,
    quantisedTensor: position.tensor,
    shape: position.shape,
  });
}

function checkFloat(value: OnnxValue, role: string): void {
  if (value.elementType === elementType.FLOAT) return;
  const actual = value.elementType === undefined ? 'no tensor' : elementTypeName(value.elementType);
  throw new SluiceError(
    'model_unsupported',
    `graph ${role} ${quoted(value.name)}: is ${actual}; this NPU takes FLOAT`,
  );
}

/** Clients are told the declared shape, and the NPU route answers in it: it must be what the layers give. */
function checkDeclared(output: OnnxValue, { item }: BatchShape): void {
  const [, ...declared] = output.shape ?? [];
  if (declared.length === item.length && declared.every((dimension, axis) => dimension === item[axis]))
    return;
  throw new SluiceError(
    'model_unsupported',
    `graph output ${quoted(output.name)}: its shape is declared as [${output.shape}], its layers give ${describeShape({ batch: -1, item })}; declare the fixed dimensions`,
  );
}

function readBoundary(
  graph: OnnxGraph,
  boundary: Omit<RegionBoundary, 'scale' | 'zeroPoint'>,
): RegionBoundary {
  const { node } = boundary;
  const attribute = [...node.attributes.keys()].find((name) => !boundaryAttributes.has(name));
  if (attribute !== undefined)
    throw unsupportedNode(node, `its attribute ${quoted(attribute)} may change the arithmetic`);
  return {
    ...boundary,
    scale: scaleOf(graph, { node, index: 1, role: 'scale' }),
    zeroPoint: zeroPointOf(graph, { node, index: 2, role: 'zero point' }),
  };
}

/** The one node that reads a tensor. */
function onlyReader({ graph, readersOf }: IndexedGraph, tensor: string): OnnxNode {
  const [reader, second] = readersOf.get(tensor) ?? [];
  if (second !== undefined) {
    throw unsupportedNode(second, `${quoted(tensor)} is read by several nodes; this NPU takes a chain`);
  }
  if (reader === undefined || graph.outputs.some(({ name }) => name === tensor)) {
    const what = reader === undefined ? 'no node reads it' : 'it is a graph output';
    throw new SluiceError(
      'model_unsupported',
      `tensor ${quoted(tensor)}: ${what}; this NPU takes a chain that ends with DequantizeLinear`,
    );
  }
  return reader;
}

function checkNothingElse(graph: OnnxGraph, taken: ReadonlySet<OnnxNode>): void {
  const other = graph.nodes.find((node) => !taken.has(node));
  if (other !== undefined)
    throw unsupportedNode(other, 'it stands outside of the chain from QuantizeLinear to DequantizeLinear');
}
