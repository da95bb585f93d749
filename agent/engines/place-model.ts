import type { Placement } from '../../contract/image.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { canBeProbed, probeInputs } from './probe-inputs.ts';

/**
 * What a run may take on the event loop, in ways to a thread and back: each way costs the event loop a part of itself,
 * and the request all of it.
 */
const inlineTrips = 2;

/** What deciding needs. */
export interface PlacementTrial {
  signature: TensorSignature;
  wanted: Placement;
  limits: ScoringLimits;
  nowMs: () => number;
  /** A run in a thread, which tells how long it took there. */
  run(inputs: Tensor[]): Promise<{ computeMs: number }>;
}

/**
 * How long an item takes on the event loop, for a model that its owner wants there, or of which measuring in a thread
 * says that it belongs there: its runs are short, and shorter than changing threads takes. Undefined otherwise, also
 * for a model whose inputs decide how much there is to compute, whatever the owner wants.
 */
export async function placeModel(trial: PlacementTrial): Promise<number | undefined> {
  const { signature, wanted, limits, run, nowMs } = trial;
  if (wanted === 'thread' || !canBeProbed(signature)) return undefined;
  const runMs: number[] = [];
  const tripMs: number[] = [];
  for (let trip = 0; trip < limits.inlineTrialRuns; trip += 1) {
    const inputs = probeInputs(signature, { items: 1, seed: 1 });
    const startedMs = nowMs();
    const { computeMs } = await run(inputs);
    tripMs.push(nowMs() - startedMs - computeMs);
    runMs.push(computeMs);
    // Longer ones belong to a thread whatever the others take.
    if (wanted === 'auto' && trip > 0 && runMs.every((ms) => ms > limits.inlineRunMs)) return undefined;
  }
  const itemMs = quantile(runMs, 0.5);
  if (wanted === 'inline') return itemMs;
  const isShort = quantile(runMs, 0.95) < limits.inlineRunMs;
  return isShort && itemMs < inlineTrips * quantile(tripMs, 0.5) ? itemMs : undefined;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}
