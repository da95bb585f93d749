import type { Tensor, TensorSignature } from '../../contract/tensors.ts';

/** Whether the first dimension of every tensor is the batch. */
export function isBatched({ inputs, outputs }: TensorSignature): boolean {
  return [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
}

/** Items of a request's inputs: 1 where the model has no batch. */
export function itemCountOf(signature: TensorSignature, inputs: readonly Tensor[]): number {
  return isBatched(signature) ? (inputs[0]?.shape[0] ?? 1) : 1;
}
