import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { BatchLimits } from './batch-limits.ts';
import { type BatchMember, BatchQueue, type FinishedRun } from './batch-queue.ts';
import type { QueueLoad } from './engine.ts';
import { itemsOf } from './merge-tensors.ts';
import type { RunTerms } from './run-terms.ts';
import type { ServedModel } from './served-model.ts';
import { tensorBatchable } from './tensor-batchable.ts';
import { WorkQueue } from './work-queue.ts';

/** What running on the event loop needs. */
export interface InlineEngineOptions {
  what: string;
  model: ServedModel;
  /** Of one item, as measured. */
  itemMs: number;
  batching: BatchLimits | undefined;
  /** Whether the first dimension counts items. */
  hasOpenBatch: boolean;
  queueDepthMax: number;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
  onRun: (run: FinishedRun<Tensor[]>) => void;
}

/**
 * Runs a small model on the event loop, one run between two turns of it. Takes only what its measured time
 * says to be short, and nothing any more after runs that were long all the same.
 */
export class InlineEngine {
  readonly #options: InlineEngineOptions;
  readonly #queue: WorkQueue<ServedModel, BatchMember<Tensor[]>>;
  readonly #batches: BatchQueue<ServedModel, Tensor[], Tensor[]>;
  readonly #itemsMax: number;
  /** A run took long; whether it was the model's fault is not known. */
  #isSuspect = false;
  #hasStalled = false;
  /** In this turn of the event loop. */
  #hasRun = false;

  constructor(options: InlineEngineOptions) {
    const { what, queueDepthMax: depthMax, limits, nowMs, batching, onRun } = options;
    this.#options = options;
    this.#itemsMax = Math.max(1, Math.floor(limits.inlineRequestMs / options.itemMs));
    this.#queue = new WorkQueue({ what, depthMax, nowMs });
    this.#batches = new BatchQueue({
      queue: this.#queue,
      batchable: tensorBatchable((model, inputs) => this.#run(model, inputs)),
      nowMs,
      onRun,
    });
    if (batching !== undefined) {
      this.#batches.limits = { ...batching, itemsMax: Math.min(batching.itemsMax, this.#itemsMax) };
    }
    this.#queue.addLane(options.model);
  }

  /** As `Engine.load`. */
  get load(): QueueLoad {
    return this.#queue.load;
  }

  /** Whether a request would run at once. */
  get isIdle(): boolean {
    return this.#queue.idleCount > 0;
  }

  /** Whether the request is short enough for the event loop. */
  takes(inputs: readonly Tensor[]): boolean {
    if (this.#hasStalled) return false;
    return !this.#options.hasOpenBatch || (itemsOf(inputs) ?? Number.POSITIVE_INFINITY) <= this.#itemsMax;
  }

  /** As `Engine.infer`. */
  infer(inputs: Tensor[], terms?: RunTerms): Promise<Tensor[]> {
    return this.#batches.submit(inputs, terms);
  }

  /** As `Engine.expectedMs`; without end for what is not taken here. */
  expectedMs(priority?: number, items = 1): number {
    if (this.#hasStalled || items > this.#itemsMax) return Number.POSITIVE_INFINITY;
    return this.#queue.expectedMs(priority, items);
  }

  /** As `Engine.close`. */
  async close(): Promise<void> {
    this.#queue.close(new SluiceError('engine_failed', `${this.#options.what}: closed`));
    // A run that has its turn next still needs the model.
    await nextTurn();
  }

  async #run(model: ServedModel, inputs: Tensor[]): Promise<Tensor[]> {
    const { nowMs, limits, log, what } = this.#options;
    // One run a turn.
    if (this.#hasRun) await nextTurn();
    this.#hasRun = true;
    setImmediate(() => {
      this.#hasRun = false;
    });
    // Asking costs as much as a small layer, so it is left until there is a reason.
    const before = this.#isSuspect ? process.cpuUsage() : undefined;
    const startedMs = nowMs();
    const outputs = model.runNow(inputs);
    const tookMs = nowMs() - startedMs;
    if (tookMs <= limits.inlineStallMs) return outputs;
    // A run that stood still because other processes had the processor is none of the model's fault.
    if (before !== undefined && cpuMsSince(before) > limits.inlineStallMs) {
      this.#hasStalled = true;
      log.warn({ tookMs }, `${what}: runs on the event loop take too long; from now on all run in threads`);
    }
    this.#isSuspect = true;
    return outputs;
  }
}

/** Of the whole process. */
function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
