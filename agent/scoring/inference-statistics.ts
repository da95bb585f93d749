import type { RunPhases } from '../engines/run-terms.ts';

/** A sum of durations and how many there were. */
export interface DurationSum {
  count: number;
  ns: number;
}

/** How one request went. */
export interface RequestRecord {
  isSuccess: boolean;
  totalMs: number;
  /** Items of its batch. */
  items: number;
  /** From body to tensors, and from tensors to the answer. */
  inputMs: number;
  outputMs: number;
  phases: RunPhases;
}

const nsPerMs = 1e6;
/** Sizes that are told apart: clients choose them. */
const batchSizesMax = 256;

/** Counts of an image's requests since it was activated, as Triton's statistics extension has them. */
export class InferenceStatistics {
  readonly success = noDuration();
  readonly fail = noDuration();
  readonly queue = noDuration();
  readonly computeInput = noDuration();
  readonly computeInfer = noDuration();
  readonly computeOutput = noDuration();
  /** Items of all requests. */
  inferenceCount = 0;
  /** Instant of the last request, in milliseconds since 1970; 0 before the first. */
  lastInferenceMs = 0;
  readonly #batches = new Map<number, { input: DurationSum; infer: DurationSum; output: DurationSum }>();

  /** Sums by the number of items of a request. */
  get batches(): ReadonlyMap<number, { input: DurationSum; infer: DurationSum; output: DurationSum }> {
    return this.#batches;
  }

  /** Counts a request; `instantMs` since 1970. */
  record({ isSuccess, totalMs, items, inputMs, outputMs, phases }: RequestRecord, instantMs: number): void {
    if (!isSuccess) {
      add(this.fail, totalMs);
      return;
    }
    add(this.success, totalMs);
    add(this.queue, phases.queueMs);
    add(this.computeInput, inputMs);
    add(this.computeInfer, phases.computeMs);
    add(this.computeOutput, outputMs);
    this.inferenceCount += items;
    this.lastInferenceMs = instantMs;
    let batch = this.#batches.get(items);
    if (batch === undefined) {
      if (this.#batches.size >= batchSizesMax) return;
      batch = { input: noDuration(), infer: noDuration(), output: noDuration() };
      this.#batches.set(items, batch);
    }
    add(batch.input, inputMs);
    add(batch.infer, phases.computeMs);
    add(batch.output, outputMs);
  }
}

/** A sum of nothing. */
export function noDuration(): DurationSum {
  return { count: 0, ns: 0 };
}

function add(sum: DurationSum, durationMs: number): void {
  sum.count += 1;
  sum.ns += Math.round(durationMs * nsPerMs);
}
