import { setImmediate } from 'node:timers/promises';
import { toSluiceError } from '../../contract/errors.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import { isBatched } from '../tensors/items.ts';
import { mergeTensors, splitTensors } from './merge-tensors.ts';
import { canBeProbed, itemBytesOf, probeInputs } from './probe-inputs.ts';

/** Kernels differ most between few rows; from 8 on they change at their widths. */
const sizes = [2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
/** What a merged run must take at most, of the time that its requests take alone. */
const worthwhileShare = 0.8;
/** Of which the middle tells how long a request takes alone, where nothing but time is asked. */
const timedSingles = 5;
const mergedRuns = 2;

/** What to try. */
export interface BatchTrial {
  signature: TensorSignature;
  /** Whether it is known that a batch has the bytes of its requests: then only time is measured. */
  itemsAreIndependent: boolean;
  itemsMax: number;
  /** Bytes of a merged run's inputs. */
  bytesMax: number;
  /** When no further size is tried. */
  budgetMs: number;
  nowMs: () => number;
  run(inputs: Tensor[]): Promise<Tensor[]>;
}

/** How far merging a model's requests goes. */
export interface BatchProof {
  /** Up to so many items gave the bytes of single requests; 1 when none did. */
  exactItems: number;
  /** The most of these that are faster together than alone; 1 when none are. */
  worthwhileItems: number;
  /** Why larger ones are not among them. */
  end: 'limit' | 'time' | 'other bytes' | 'not tried' | 'failure';
  /** Of `failure`. */
  reason?: string;
}

/**
 * Runs requests alone and merged, with the same random values, and compares the answers' bytes: an open first
 * dimension does not say that items are computed independently, nor that a kernel rounds alike for one row
 * and for many. Where it is known, no more runs than its times need.
 */
export async function proveBatching(trial: BatchTrial): Promise<BatchProof> {
  const { signature, itemsAreIndependent, itemsMax, bytesMax, budgetMs, nowMs } = trial;
  const proof: BatchProof = { exactItems: 1, worthwhileItems: 1, end: 'limit' };
  if (!isBatched(signature) || !canBeProbed(signature)) return { ...proof, end: 'not tried' };
  const untilMs = nowMs() + budgetMs;
  const singles: Single[] = [];
  try {
    // The first run of a session takes longer than those that follow.
    await trial.run(probeInputs(signature, { items: 1, seed: 0 }));
    if (itemsAreIndependent) return await findWorthwhile(trial, untilMs);
    for (const items of sizes.filter((size) => size <= itemsMax)) {
      if (items * itemBytesOf(signature) > bytesMax) return proof;
      while (singles.length < items) {
        if (nowMs() > untilMs) return { ...proof, end: 'time' };
        singles.push(await runSingle(trial, singles.length + 1));
      }
      const quickMs = worthwhileShare * items * medianOf(singles);
      const { outputs, runMs } = await runMerged(trial, singles.slice(0, items), quickMs);
      if (!outputs.every((each, item) => areEqual(each, (singles[item] as Single).outputs))) {
        return { ...proof, end: 'other bytes' };
      }
      proof.exactItems = items;
      if (runMs <= quickMs) proof.worthwhileItems = items;
    }
    return proof;
  } catch (thrown) {
    return { ...proof, end: 'failure', reason: toSluiceError(thrown).message };
  }
}

/** From the most items on, halving, the first size that is worthwhile: a larger run has more to gain. */
async function findWorthwhile(trial: BatchTrial, untilMs: number): Promise<BatchProof> {
  const { signature, itemsMax, bytesMax, nowMs } = trial;
  const exactItems = Math.max(1, Math.min(itemsMax, Math.floor(bytesMax / itemBytesOf(signature))));
  const proof: BatchProof = { exactItems, worthwhileItems: 1, end: 'limit' };
  const singles: Single[] = [];
  while (singles.length < timedSingles) {
    if (nowMs() > untilMs) return { ...proof, end: 'time' };
    singles.push(await runSingle(trial, singles.length + 1));
  }
  const singleMs = medianOf(singles);
  let end: BatchProof['end'] = 'limit';
  for (let items = exactItems; items > 1; items = Math.floor(items / 2)) {
    // What cannot be told in time is left out, and so is the gain of merging it.
    if (nowMs() + mergedRuns * items * singleMs > untilMs) {
      end = 'time';
      continue;
    }
    const members = Array.from({ length: items }, (_, index) => singles[index % timedSingles] as Single);
    const quickMs = worthwhileShare * items * singleMs;
    const { runMs } = await runMerged(trial, members, quickMs);
    if (runMs <= quickMs) return { ...proof, worthwhileItems: items, end };
  }
  return { ...proof, end };
}

interface Single {
  inputs: Tensor[];
  outputs: Tensor[];
  runMs: number;
}

async function runSingle({ signature, nowMs, run }: BatchTrial, seed: number): Promise<Single> {
  const inputs = probeInputs(signature, { items: 1, seed });
  await setImmediate();
  const startedMs = nowMs();
  const outputs = await run(inputs);
  return { inputs, outputs, runMs: nowMs() - startedMs };
}

/** The faster of some runs; one that was quick enough is the last. */
async function runMerged({ nowMs, run }: BatchTrial, members: readonly Single[], quickMs: number) {
  let runMs = Number.POSITIVE_INFINITY;
  let outputs: Tensor[][] = [];
  const ones = members.map(() => 1);
  const requests = members.map(({ inputs }) => inputs);
  for (let time = 0; time < mergedRuns && runMs > quickMs; time += 1) {
    await setImmediate();
    const startedMs = nowMs();
    outputs = splitTensors(await run(mergeTensors(requests)), ones);
    runMs = Math.min(runMs, nowMs() - startedMs);
  }
  return { outputs, runMs };
}

function medianOf(singles: readonly Single[]): number {
  const sorted = singles.map(({ runMs }) => runMs).sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function areEqual(left: readonly Tensor[], right: readonly Tensor[]): boolean {
  return left.every(({ data }, index) => Buffer.compare(data, (right[index] as Tensor).data) === 0);
}
