import { readFile, stat } from 'node:fs/promises';
import type { Placement } from '../../contract/image.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { ModelSource, OnnxMeasurement } from './onnx-protocol.ts';
import { canBeProbed, probeInputs } from './probe-inputs.ts';
import type { ServedModel } from './served-model.ts';

/** What deciding needs. */
export interface PlacementTrial {
  source: ModelSource;
  wanted: Placement;
  limits: ScoringLimits;
  nowMs: () => number;
  /** A request to a thread, there and back. */
  run(inputs: Tensor[]): Promise<Tensor[]>;
  /** Times inside a thread. */
  measure(inputs: Tensor[], runs: number): Promise<OnnxMeasurement>;
}

/** A model that may run on the event loop, and how long an item takes there. */
export interface InlineModel {
  model: ServedModel;
  itemMs: number;
}

/**
 * Loads a model on the event loop when the owner wants it there, or when measuring in its thread says that it
 * belongs there: it loads and runs in less than the limits, and runs in less than changing threads takes.
 * Undefined otherwise, also for a model too large to be loaded here, whatever the owner wants.
 */
export async function placeModel(trial: PlacementTrial): Promise<InlineModel | undefined> {
  const { source, wanted, limits } = trial;
  const { size } = await stat(source.path);
  if (wanted === 'thread' || size > limits.inlineModelBytesMax || !canBeProbed(source.signature))
    return undefined;
  const inputs = (): Tensor[] => probeInputs(source.signature, { items: 1, seed: 1 });
  const { loadMs, runMs } = await trial.measure(inputs(), limits.inlineTrialRuns);
  const itemMs = quantile(runMs, 0.5);
  if (wanted === 'auto') {
    const isShort = quantile(runMs, 0.95) < limits.inlineRunMs && loadMs < limits.inlineLoadMs;
    if (!isShort || itemMs >= (await medianTripMs(trial, inputs)) - itemMs) return undefined;
  }
  // ONNX Runtime is loaded here only where a model runs here.
  const { ServedModel } = await import('./served-model.ts');
  return { model: await ServedModel.load(source, await readFile(source.path)), itemMs };
}

async function medianTripMs({ run, nowMs, limits }: PlacementTrial, inputs: () => Tensor[]): Promise<number> {
  const tripMs: number[] = [];
  for (let trip = 0; trip < limits.inlineTrialTrips; trip += 1) {
    const request = inputs();
    const startedMs = nowMs();
    await run(request);
    tripMs.push(nowMs() - startedMs);
  }
  return quantile(tripMs, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}
