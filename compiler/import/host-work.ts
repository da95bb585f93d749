import { elementCount } from '../../contract/tensors.ts';
import type { OnnxNode } from '../onnx/model.ts';
import type { FactTable } from './facts.ts';

/** Where a product's weights stand, and which sizes of them multiply each element of the output. */
const products: ReadonlyMap<string, { weights: number; perOutput: (shape: readonly number[]) => number }> =
  new Map([
    ['Conv', { weights: 1, perOutput: (shape) => elementCount(shape.slice(1)) }],
    ['QLinearConv', { weights: 3, perOutput: (shape) => elementCount(shape.slice(1)) }],
    ['ConvInteger', { weights: 1, perOutput: (shape) => elementCount(shape.slice(1)) }],
    ['MatMul', { weights: 1, perOutput: (shape) => shape.at(-2) ?? 0 }],
    ['MatMulInteger', { weights: 1, perOutput: (shape) => shape.at(-2) ?? 0 }],
    ['Gemm', { weights: 1, perOutput: (shape) => Math.min(...shape) }],
  ]);

/**
 * Multiply-accumulates of a node that stays on the host, as far as its shapes are known; 0 for operators
 * that are no products. A Gemm counts the smaller size of its matrix at least.
 */
export function hostMultiplyAccumulates(node: OnnxNode, facts: FactTable): number {
  const output = facts.all.get(node.outputs[0] ?? '')?.shape;
  if (node.operator === 'ConvTranspose') return transposedWork(node, facts);
  const product = products.get(node.operator);
  const weights = product === undefined ? undefined : facts.input(node, product.weights)?.shape;
  if (output === undefined || product === undefined || weights === undefined) return 0;
  return elementCount(output) * product.perOutput(weights);
}

/** Every input element meets the weights of its channel: [input channels][output channels / groups][kernel]. */
function transposedWork(node: OnnxNode, facts: FactTable): number {
  const input = facts.input(node, 0)?.shape;
  const weights = facts.input(node, 1)?.shape;
  return input === undefined || weights === undefined
    ? 0
    : elementCount(input) * elementCount(weights.slice(1));
}
