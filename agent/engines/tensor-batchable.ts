import type { Tensor } from '../../contract/tensors.ts';
import type { Batchable } from './batch-queue.ts';
import type { CancelSignal } from './cancellation.ts';
import { itemsOf, mergeKeyOf, mergeTensors, splitTensors } from './merge-tensors.ts';

/** Merges requests whose inputs are tensors of one batch dimension. */
export function tensorBatchable<Lane>(
  run: (lane: Lane, inputs: Tensor[], signal?: CancelSignal) => Promise<Tensor[]>,
): Batchable<Lane, Tensor[], Tensor[]> {
  return {
    run,
    itemsOf,
    keyOf: mergeKeyOf,
    bytesOf: (inputs) => inputs.reduce((sum, { data }) => sum + data.length, 0),
    merge: mergeTensors,
    split: splitTensors,
  };
}
