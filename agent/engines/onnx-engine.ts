import { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/logger.ts';
import type { Placement } from '../../contract/image.ts';
import type { Digest } from '../../contract/names.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { isBatched } from '../tensors/items.ts';
import type { BatchLimits } from './batch-limits.ts';
import { type BatchMember, BatchQueue, type FinishedRun } from './batch-queue.ts';
import type { Engine, QueueLoad } from './engine.ts';
import type { EngineObserver } from './engine-observer.ts';
import { InlineEngine } from './inline-engine.ts';
import type { ModelSource, OnnxWorkerData } from './onnx-protocol.ts';
import { OnnxSession } from './onnx-session.ts';
import { placeModel } from './place-model.ts';
import type { RunTerms } from './run-terms.ts';
import { settleBatching } from './settle-batching.ts';
import { tensorBatchable } from './tensor-batchable.ts';
import { WorkerPool } from './worker-pool.ts';

/** Starts a thread of onnx-worker.ts. */
export type StartOnnxWorker = (data: OnnxWorkerData) => Worker;

/** The worker thread that ships. */
export const startOnnxWorker: StartOnnxWorker = (data) =>
  new Worker(new URL('./onnx-worker.js', import.meta.url), { workerData: data, env: {} });

/** What sessions of a model need. */
export interface OnnxEngineOptions {
  /** Whose engine this is, for messages. */
  what: string;
  model: { path: string; digest: Digest };
  signature: TensorSignature;
  /** As in the run manifest's `routes.cpu`. */
  keepsQuantisation: boolean;
  /** ONNX Runtime sessions, each in a thread of its own with one computing thread. */
  sessions: number;
  /** `thread` when left out. */
  placement?: Placement;
  /** `auto` merges as far as a trial gives the same bytes; requests are not merged when left out. */
  batching?: BatchLimits | 'auto';
  queueDepthMax: number;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
  startWorker: StartOnnxWorker;
  observer?: EngineObserver;
}

/**
 * ONNX Runtime sessions in worker threads behind one bounded queue, and for a small model one on the event loop:
 * the CPU route, or an end of an NPU route.
 */
export class OnnxEngine implements Engine {
  readonly route = 'cpu';
  readonly #options: OnnxEngineOptions;
  readonly #source: ModelSource;
  readonly #pool: WorkerPool<OnnxSession, BatchMember<Tensor[]>>;
  readonly #batches: BatchQueue<OnnxSession, Tensor[], Tensor[]>;
  #inline: InlineEngine | undefined;

  constructor(options: OnnxEngineOptions) {
    const { limits, nowMs, what, log } = options;
    this.#options = options;
    this.#source = {
      ...options.model,
      signature: options.signature,
      keepsQuantisation: options.keepsQuantisation,
    };
    const data: OnnxWorkerData = { ...this.#source, transferBytesMin: limits.transferBytesMin };
    this.#pool = new WorkerPool({
      what,
      size: options.sessions,
      queueDepthMax: options.queueDepthMax,
      startLane: (onEnded) => OnnxSession.start({ worker: options.startWorker(data), onEnded, limits }),
      limits,
      nowMs,
      log,
    });
    this.#batches = new BatchQueue({
      queue: this.#pool.queue,
      batchable: tensorBatchable((session, inputs) => session.run(inputs)),
      nowMs,
      onRun: (run) => this.#tell(run),
    });
  }

  /**
   * Loads the model in every thread, and finds out whether requests are merged and where they run. Throws
   * `engine_failed`, `blob_digest_mismatch` or `manifest_invalid`.
   */
  async start(): Promise<void> {
    await this.#pool.start();
    try {
      await this.#settle();
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  get load(): QueueLoad {
    const threads = this.#pool.queue.load;
    const loop = this.#inline?.load ?? { depth: 0, running: 0, lanes: 0 };
    return {
      depth: threads.depth + loop.depth,
      running: threads.running + loop.running,
      lanes: threads.lanes + loop.lanes,
    };
  }

  /** How requests are merged; undefined when they are not. */
  get batching(): BatchLimits | undefined {
    return this.#batches.limits;
  }

  /** Whether short requests run on the event loop. */
  get isInline(): boolean {
    return this.#inline !== undefined;
  }

  infer(inputs: Tensor[], terms?: RunTerms): Promise<Tensor[]> {
    const inline = this.#inline;
    if (inline?.takes(inputs) === true) {
      // A thread takes what would wait longer here.
      const { priority, items } = terms ?? {};
      const isSooner = inline.expectedMs(priority, items) <= this.#pool.queue.expectedMs(priority, items);
      if (inline.isIdle || isSooner) return inline.infer(inputs, terms);
    }
    return this.#batches.submit(inputs, terms);
  }

  expectedMs(priority?: number, items?: number): number {
    const threadMs = this.#pool.queue.expectedMs(priority, items);
    const inlineMs = this.#inline?.expectedMs(priority, items) ?? Number.POSITIVE_INFINITY;
    // As `infer` decides. Threads that had nothing to do yet have no estimate.
    if (this.#inline?.isIdle === true && Number.isFinite(inlineMs)) return inlineMs;
    return Math.min(threadMs, inlineMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#inline?.close()]);
  }

  async #settle(): Promise<void> {
    const { what, batching, placement = 'thread', limits, nowMs, log } = this.#options;
    const { queue } = this.#pool;
    const trial = { isTrial: true };
    const run = (inputs: Tensor[]) => queue.submit((session) => session.run(inputs), {}, trial);
    if (batching !== undefined) {
      const wanted = batching === 'auto' ? undefined : batching;
      this.#batches.limits = await settleBatching({ ...this.#options, wanted, run });
    }
    const placed = await placeModel({
      source: this.#source,
      wanted: placement,
      limits,
      nowMs,
      run,
      measure: (inputs, runs) => queue.submit((session) => session.measure(inputs, runs), {}, trial),
    });
    if (placed === undefined) {
      if (placement === 'inline') log.warn(`${what}: the model is too large or too open for the event loop`);
      return;
    }
    this.#inline = new InlineEngine({
      ...this.#options,
      ...placed,
      batching: this.#batches.limits,
      hasOpenBatch: isBatched(this.#options.signature),
      onRun: (finished) => this.#tell(finished),
    });
  }

  #tell({ requests, items, computeMs }: FinishedRun<Tensor[]>): void {
    this.#options.observer?.executed({ route: this.route, requests, items, computeMs });
  }
}
