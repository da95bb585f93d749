import { elementCount } from '../../contract/tensor-data.ts';
import type { OnnxNode } from '../onnx/model.ts';
import type { FactTable } from './facts.ts';

/** Where a product's weights stand, and which sizes of them multiply each element of the output. */
const products: ReadonlyMap<string, { weights: number; perOutput: (shape: readonly number[]) => number }> =
  new Map([
    ['Conv', { weights: 1, perOutput: (shape) => elementCount(shape.slice(1)) }],
    ['QLinearMatMul', { weights: 3, perOutput: (shape) => shape.at(-2) ?? 0 }],
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
  if (isRecurrent(node.operator)) return recurrentWork(node, facts);
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

/** Whether an operator carries a state from step to step. */
export function isRecurrent(operator: string): boolean {
  return operator === 'LSTM' || operator === 'GRU' || operator === 'RNN';
}

/** Every step of every item meets all weights of inputs and of states, in each direction. */
function recurrentWork(node: OnnxNode, facts: FactTable): number {
  const input = facts.input(node, 0)?.shape;
  const weights = [1, 2].map((index) => facts.input(node, index)?.shape);
  const count = weights.reduce((sum, shape) => sum + (shape === undefined ? 0 : elementCount(shape)), 0);
  // The sequence and the batch, in the order that `layout` says.
  return input === undefined ? 0 : elementCount(input.slice(0, 2)) * count;
}
