import { SluiceError } from '../../contract/errors.ts';
import { elementCount } from '../../contract/tensors.ts';
import {
  describeNode,
  integerAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValue,
  unsupportedNode,
} from '../onnx/model.ts';
import { quoted } from '../quoted.ts';
import { shapeConstantOf } from './constants.ts';
import type { BatchShape } from './region.ts';

/** Largest batch that a model may fix: one call then computes that many items. */
const fixedBatchMax = 1024;

/** The shape of the model's input: a batch of items of one known shape. */
export function inputShape(value: OnnxValue): BatchShape {
  const [batch = 0, ...item] = value.shape ?? [];
  const isBatch = batch === -1 || (batch >= 1 && batch <= fixedBatchMax);
  if (!isBatch || item.length === 0 || item.some((dimension) => dimension < 1)) {
    const shape = value.shape === undefined ? 'unknown' : `[${value.shape}]`;
    throw new SluiceError(
      'model_unsupported',
      `graph input ${quoted(value.name)}: its shape is ${shape}; the NPU takes a batch (open, or up to ${fixedBatchMax}) and then fixed dimensions`,
    );
  }
  return { batch, item };
}

/** Shape after Reshape or Flatten, whose batch must stay in front. */
export function reshape(graph: OnnxGraph, node: OnnxNode, shape: BatchShape): BatchShape {
  const [first, ...rest] =
    node.operator === 'Flatten' ? flattenTarget(node, shape) : reshapeTarget(graph, node, shape);
  const itemCount = elementCount(shape.item);
  const known = elementCount(rest.filter((dimension) => dimension !== -1));
  const item = rest.map((dimension) => (dimension === -1 ? itemCount / known : dimension));
  const keepsBatch = first === -1 || first === shape.batch;
  if (!keepsBatch || item.length === 0 || elementCount(item) !== itemCount || !item.every(Number.isInteger)) {
    const from = describeShape(shape);
    throw unsupportedNode(
      node,
      `reshapes ${from} to [${[first, ...rest]}]; the batch must stay the first dimension`,
    );
  }
  return { batch: shape.batch, item };
}

/** Target dimensions with 0 resolved; -1 stands for the one to infer, or for an open batch in front. */
function reshapeTarget(graph: OnnxGraph, node: OnnxNode, shape: BatchShape): number[] {
  if (integerAttribute(node, 'allowzero', 0) !== 0) throw unsupportedNode(node, 'allowzero is set');
  const from = [shape.batch, ...shape.item];
  const target = shapeConstantOf(graph, { node, index: 1, role: 'shape' });
  if (
    target.filter((dimension) => dimension === -1).length > 1 ||
    target.some((dimension) => dimension < -1)
  ) {
    const where = `${describeNode(node)}: reshapes to [${target}]`;
    throw new SluiceError('model_invalid', `${where}; at most one dimension may be -1, none below`);
  }
  return target.map((dimension, axis) => (dimension === 0 ? (from[axis] ?? 0) : dimension));
}

function flattenTarget(node: OnnxNode, shape: BatchShape): number[] {
  const axis = integerAttribute(node, 'axis', 1);
  if (axis !== 1 && axis !== -shape.item.length)
    throw unsupportedNode(node, `axis ${axis}; this NPU takes axis 1`);
  return [shape.batch, elementCount(shape.item)];
}

/** `[N,784]`: how messages write a shape. */
export function describeShape({ batch, item }: BatchShape): string {
  return `[${[batch === -1 ? 'N' : batch, ...item]}]`;
}
