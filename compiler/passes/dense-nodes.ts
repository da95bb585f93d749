import { SluiceError } from '../../contract/errors.ts';
import { elementCount } from '../../contract/tensors.ts';
import {
  describeNode,
  floatAttribute,
  integerAttribute,
  integersAttribute,
  type OnnxGraph,
  type OnnxNode,
  unsupportedNode,
} from '../onnx/model.ts';
import {
  hasOperand,
  int8ConstantOf,
  int32ConstantOf,
  type Operand,
  scaleOf,
  scalesOf,
  zeroPointOf,
  zeroPointsOf,
} from './constants.ts';
import type { BatchShape, DenseLayer } from './region.ts';
import { describeShape } from './shapes.ts';

/** Positions of the operands in a node's input list. */
interface OperandPositions {
  inputScale: number;
  inputZeroPoint: number;
  weightScale: number;
  weightZeroPoint: number;
  outputScale: number;
  outputZeroPoint: number;
  bias: number | undefined;
}

/** A layer and the shape of its output. */
export interface DenseResult {
  layer: DenseLayer;
  shape: BatchShape;
}

/**
 * QLinearConv whose kernel and image are one pixel: a fully connected layer.
 * Scale as in ONNX Runtime's qlinearconv.cc: `x_scale * w_scale / y_scale` in float32, left to right.
 */
export function readConvolution(graph: OnnxGraph, node: OnnxNode, shape: BatchShape): DenseResult {
  const weights = int8ConstantOf(graph, { node, index: 3, role: 'weight' });
  const [outputCount = 0, inputCount = 0, ...kernel] = weights.shape;
  const [channels = 0, ...image] = shape.item;
  if (kernel.length === 0 || kernel.some((size) => size !== 1) || image.some((size) => size !== 1)) {
    const sizes = `kernel ${kernel.join('x')} on ${image.join('x') || 'no'} pixels`;
    throw unsupportedNode(
      node,
      `${sizes}; this NPU takes kernel 1x1 on 1x1 pixels (a fully connected layer)`,
    );
  }
  if (integerAttribute(node, 'group', 1) !== 1) throw unsupportedNode(node, 'group is not 1');
  if (integersAttribute(node, 'pads')?.some((pad) => pad !== 0))
    throw unsupportedNode(node, 'it pads its input');
  if (channels !== inputCount || image.length !== kernel.length) throw wrongInput(node, shape, weights.shape);
  const positions: OperandPositions = {
    inputScale: 1,
    inputZeroPoint: 2,
    weightScale: 4,
    weightZeroPoint: 5,
    outputScale: 6,
    outputZeroPoint: 7,
    bias: 8,
  };
  const layer = assemble(graph, node, {
    positions,
    inputCount,
    outputCount,
    weights: weights.values,
    alpha: 1,
  });
  return { layer, shape: { batch: shape.batch, item: [outputCount, ...image] } };
}

/** com.microsoft.QGemm. Scale as in quant_gemm.cc: `alpha * a_scale * b_scale`, then `/ y_scale`. */
export function readGemm(graph: OnnxGraph, node: OnnxNode, shape: BatchShape): DenseResult {
  if (integerAttribute(node, 'transA', 0) !== 0) throw unsupportedNode(node, 'transA is set');
  const transposed = integerAttribute(node, 'transB', 0) !== 0;
  const positions: OperandPositions = {
    inputScale: 1,
    inputZeroPoint: 2,
    weightScale: 4,
    weightZeroPoint: 5,
    outputScale: 7,
    outputZeroPoint: 8,
    bias: 6,
  };
  const alpha = floatAttribute(node, 'alpha', 1);
  return readMatrixProduct(graph, node, { shape, transposed, positions, alpha });
}

/** QLinearMatMul by a constant matrix. Scale as in quantize_linear_matmul.cc: `a_scale * b_scale / y_scale`. */
export function readMatMul(graph: OnnxGraph, node: OnnxNode, shape: BatchShape): DenseResult {
  const positions: OperandPositions = {
    inputScale: 1,
    inputZeroPoint: 2,
    weightScale: 4,
    weightZeroPoint: 5,
    outputScale: 6,
    outputZeroPoint: 7,
    bias: undefined,
  };
  return readMatrixProduct(graph, node, { shape, transposed: false, positions, alpha: 1 });
}

function readMatrixProduct(
  graph: OnnxGraph,
  node: OnnxNode,
  options: { shape: BatchShape; transposed: boolean; positions: OperandPositions; alpha: number },
): DenseResult {
  const { shape, transposed, positions, alpha } = options;
  const matrix = int8ConstantOf(graph, { node, index: 3, role: 'weight' });
  const [rows = 0, columns = 0] = matrix.shape;
  const [inputCount, outputCount] = transposed ? [columns, rows] : [rows, columns];
  if (matrix.shape.length !== 2 || shape.item.length !== 1 || elementCount(shape.item) !== inputCount) {
    throw wrongInput(node, shape, matrix.shape);
  }
  const weights = transposed ? matrix.values : transpose(matrix.values, { rows, columns });
  const layer = assemble(graph, node, { positions, inputCount, outputCount, weights, alpha });
  return { layer, shape: { batch: shape.batch, item: [outputCount] } };
}

function assemble(
  graph: OnnxGraph,
  node: OnnxNode,
  options: {
    positions: OperandPositions;
    inputCount: number;
    outputCount: number;
    weights: Int8Array;
    alpha: number;
  },
): DenseLayer {
  const { positions, inputCount, outputCount, weights, alpha } = options;
  if (inputCount === 0 || outputCount === 0) throw unsupportedNode(node, 'it has no weights');
  const operand = (index: number, role: string): Operand => ({ node, index, role });
  if (
    zeroPointsOf(graph, operand(positions.weightZeroPoint, 'weight zero point')).some((value) => value !== 0)
  ) {
    throw unsupportedNode(node, 'its weight zero point is not 0; quantise weights symmetrically');
  }
  const biasOperand = { node, index: positions.bias ?? -1, role: 'bias' };
  const bias = hasOperand(biasOperand) ? int32ConstantOf(graph, biasOperand) : Int32Array.of(0);
  return {
    name: node.name === '' ? (node.outputs[0] ?? node.operator) : node.name,
    node,
    inputCount,
    outputCount,
    weights,
    bias: spread(bias, { node, role: 'bias', outputCount }),
    scales: combinedScales(graph, node, { positions, outputCount, alpha }),
    inputZeroPoint: zeroPointOf(graph, operand(positions.inputZeroPoint, 'input zero point')),
    outputZeroPoint: zeroPointOf(graph, operand(positions.outputZeroPoint, 'output zero point')),
    minimum: -128,
    maximum: 127,
  };
}

/** `alpha * input scale * weight scale / output scale` of each output, rounded to float32 at every step. */
function combinedScales(
  graph: OnnxGraph,
  node: OnnxNode,
  options: { positions: OperandPositions; outputCount: number; alpha: number },
): Float32Array {
  const { positions, outputCount, alpha } = options;
  const inputScale = scaleOf(graph, { node, index: positions.inputScale, role: 'input scale' });
  const outputScale = scaleOf(graph, { node, index: positions.outputScale, role: 'output scale' });
  const weightScales = scalesOf(graph, { node, index: positions.weightScale, role: 'weight scale' });
  return spread(weightScales, { node, role: 'weight scale', outputCount }).map((weightScale) =>
    Math.fround(Math.fround(Math.fround(alpha * inputScale) * weightScale) / outputScale),
  );
}

/** One value for each output: given so, or one value for all. */
function spread<Values extends Float32Array | Int32Array>(
  values: Values,
  options: { node: OnnxNode; role: string; outputCount: number },
): Values {
  const { node, role, outputCount } = options;
  if (values.length === outputCount) return values;
  const [only] = values;
  if (values.length !== 1 || only === undefined) {
    const where = `${describeNode(node)}: its ${role} has ${values.length} elements`;
    throw new SluiceError('model_invalid', `${where}; 1 or ${outputCount} expected`);
  }
  return (values instanceof Float32Array ? new Float32Array(outputCount) : new Int32Array(outputCount)).fill(
    only,
  ) as Values;
}

function transpose(values: Int8Array, { rows, columns }: { rows: number; columns: number }): Int8Array {
  const result = new Int8Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return result;
}

function wrongInput(node: OnnxNode, shape: BatchShape, weightShape: readonly number[]): SluiceError {
  return unsupportedNode(
    node,
    `its input has the shape ${describeShape(shape)} and its weight [${weightShape}]; a fully connected layer takes [N,K]`,
  );
}
