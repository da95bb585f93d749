import type { Logger } from '../../base/logger.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { isBatched } from '../tensors/items.ts';
import type { BatchLimits } from './batch-limits.ts';
import { proveBatching } from './prove-batching.ts';

/** What an engine needs to decide how it merges. */
export interface BatchingTerms {
  what: string;
  signature: TensorSignature;
  /** Whether it is known that a batch has the bytes of its requests. */
  itemsAreIndependent: boolean;
  /** The most items of a run, whatever anybody wants; any number when left out. */
  itemsMax?: number;
  /** What the image's owner asks for; undefined leaves it to measurement. */
  wanted: BatchLimits | undefined;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
  /** Runs a request alone. */
  run(inputs: Tensor[]): Promise<Tensor[]>;
}

/**
 * How requests are merged: as the owner says, or else as far as a trial on this device gives the bytes of
 * single requests, and faster. Undefined when they are not merged.
 */
export async function settleBatching(terms: BatchingTerms): Promise<BatchLimits | undefined> {
  const { what, signature, itemsAreIndependent, limits, log } = terms;
  const { itemsMax = Number.POSITIVE_INFINITY } = terms;
  const wanted = terms.wanted && { ...terms.wanted, itemsMax: Math.min(terms.wanted.itemsMax, itemsMax) };
  if (!isBatched(signature) || wanted?.itemsMax === 1) return undefined;
  if (wanted !== undefined && itemsAreIndependent) return wanted;
  const proof = await proveBatching({
    ...terms,
    itemsMax: wanted?.itemsMax ?? Math.min(limits.batchItemsMax, itemsMax),
    bytesMax: limits.batchBytesMax,
    budgetMs: limits.batchTrialMs,
  });
  if (wanted === undefined) {
    log.debug({ ...proof }, `${what}: requests are merged up to ${proof.worthwhileItems} items`);
    if (proof.worthwhileItems === 1) return undefined;
    const { batchBytesMax: bytesMax } = limits;
    return { itemsMax: proof.worthwhileItems, bytesMax, delayMs: 0, preferredItems: [] };
  }
  if (proof.end === 'other bytes') {
    log.warn(
      { ...proof },
      `${what}: merged as the image says; beyond ${proof.exactItems} items an answer's last bits depend on its neighbours`,
    );
  }
  return wanted;
}
