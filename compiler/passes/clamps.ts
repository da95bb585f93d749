import { type OnnxGraph, type OnnxNode, unsupportedNode } from '../onnx/model.ts';
import { hasOperand, int8ConstantOf, zeroPointOf } from './constants.ts';
import type { BatchShape, DenseLayer } from './region.ts';

interface Bounds {
  low: number;
  high: number;
}

/** Operators that only bound their int8 input: the NPU folds them into the clamp of the layer before. */
export const clampOperators: ReadonlySet<string> = new Set(['Max', 'Min', 'Relu', 'Clip']);

/**
 * Folds a bound into a layer. All four are monotone on int8 values and act after saturation, so bounding
 * the layer's own bounds gives the same bytes (also where the two ranges don't meet: all becomes one value).
 */
export function foldClamp(
  graph: OnnxGraph,
  options: { node: OnnxNode; tensor: string; shape: BatchShape; layer: DenseLayer },
): DenseLayer {
  const { layer } = options;
  const { low, high } = boundsOf(graph, options);
  const clamp = (value: number): number => Math.min(Math.max(value, low), high);
  return { ...layer, minimum: clamp(layer.minimum), maximum: clamp(layer.maximum) };
}

function boundsOf(graph: OnnxGraph, options: { node: OnnxNode; tensor: string; shape: BatchShape }): Bounds {
  const { node } = options;
  switch (node.operator) {
    case 'Relu':
      return { low: 0, high: 127 };
    case 'Clip':
      return {
        low: clipBound(graph, { node, index: 1, role: 'min', otherwise: -128 }),
        high: clipBound(graph, { node, index: 2, role: 'max', otherwise: 127 }),
      };
    case 'Max':
      return { low: Math.max(...constantOperands(graph, options)), high: 127 };
    default:
      return { low: -128, high: Math.min(...constantOperands(graph, options)) };
  }
}

function clipBound(
  graph: OnnxGraph,
  options: { node: OnnxNode; index: number; role: string; otherwise: number },
): number {
  return hasOperand(options) ? zeroPointOf(graph, options) : options.otherwise;
}

/** The constants that Max or Min compares the tensor with: one value each, that broadcasting leaves in shape. */
function constantOperands(
  graph: OnnxGraph,
  options: { node: OnnxNode; tensor: string; shape: BatchShape },
): number[] {
  const { node, tensor, shape } = options;
  const others = [...node.inputs.keys()].filter((index) => node.inputs[index] !== tensor);
  if (others.length === 0) throw unsupportedNode(node, 'it compares a tensor with itself');
  return others.map((index) => {
    const constant = int8ConstantOf(graph, { node, index, role: `operand ${index}` });
    const [value] = constant.values;
    if (
      value === undefined ||
      constant.values.length !== 1 ||
      constant.shape.length > shape.item.length + 1
    ) {
      throw unsupportedNode(
        node,
        `its operand ${index} has the shape [${constant.shape}]; this NPU takes one value`,
      );
    }
    return value;
  });
}
