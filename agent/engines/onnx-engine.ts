import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Placement } from '../../contract/image.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { RuntimeLane } from '../../ort/runtime-lane.ts';
import type { LaneRun } from '../../ort/runtime-model.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { isBatched } from '../tensors/items.ts';
import type { BatchLimits } from './batch-limits.ts';
import { type BatchMember, BatchQueue, type FinishedRun } from './batch-queue.ts';
import type { CancelSignal } from './cancellation.ts';
import type { Engine, QueueLoad } from './engine.ts';
import type { EngineObserver } from './engine-observer.ts';
import { InlineEngine } from './inline-engine.ts';
import { LentOutputs } from './lent-outputs.ts';
import type { ModelSource } from './model-source.ts';
import { placeModel } from './place-model.ts';
import type { RunTerms } from './run-terms.ts';
import { ServedModel } from './served-model.ts';
import { settleBatching } from './settle-batching.ts';
import { tensorBatchable } from './tensor-batchable.ts';
import { WorkQueue } from './work-queue.ts';

/** What running a model needs. */
export interface OnnxEngineOptions extends Omit<ModelSource, 'path' | 'digest'> {
  /** Whose engine this is, for messages. */
  what: string;
  model: Pick<ModelSource, 'path' | 'digest'>;
  /** Threads that run the model; they share its weights. */
  sessions: number;
  /** `thread` when left out. */
  placement?: Placement;
  /** `auto` merges as far as a trial gives the same bytes; requests are not merged when left out. */
  batching?: BatchLimits | 'auto';
  queueDepthMax: number;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
  observer?: EngineObserver;
}

/**
 * A model in ONNX Runtime behind one bounded queue, run by threads and, when it is small, on the event loop: the CPU
 * route, or an end of an NPU route.
 */
export class OnnxEngine implements Engine {
  readonly route = 'cpu';
  readonly #options: OnnxEngineOptions;
  readonly #queue: WorkQueue<RuntimeLane, BatchMember<Tensor[]>>;
  readonly #batches: BatchQueue<RuntimeLane, Tensor[], Tensor[]>;
  readonly #lanes: RuntimeLane[] = [];
  #model: ServedModel | undefined;
  #inline: InlineEngine | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: OnnxEngineOptions) {
    const { nowMs, what, queueDepthMax: depthMax } = options;
    this.#options = options;
    this.#queue = new WorkQueue({ what, depthMax, nowMs });
    this.#batches = new BatchQueue({
      queue: this.#queue,
      batchable: tensorBatchable(async (lane, inputs, signal) => {
        return (await this.#runOn(lane, inputs, signal)).outputs;
      }),
      nowMs,
      onRun: (run) => this.#tell(run),
    });
  }

  /**
   * Loads the model, and finds out whether requests are merged and where they run. Throws `engine_failed`,
   * `blob_digest_mismatch` or `manifest_invalid`.
   */
  async start(): Promise<void> {
    try {
      await this.#load();
      await this.#settle();
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
  }

  get load(): QueueLoad {
    const threads = this.#queue.load;
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
      const isSooner = inline.expectedMs(priority, items) <= this.#queue.expectedMs(priority, items);
      if (inline.isIdle || isSooner) return inline.infer(inputs, terms);
    }
    return this.#batches.submit(inputs, terms);
  }

  expectedMs(priority?: number, items?: number): number {
    const threadMs = this.#queue.expectedMs(priority, items);
    const inlineMs = this.#inline?.expectedMs(priority, items) ?? Number.POSITIVE_INFINITY;
    // As `infer` decides. Threads that had nothing to do yet have no estimate.
    if (this.#inline?.isIdle === true && Number.isFinite(inlineMs)) return inlineMs;
    return Math.min(threadMs, inlineMs);
  }

  /** What waits is refused; runs that go on for longer than `limits.workerCloseMs` are told to end. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { what, limits } = this.#options;
    this.#queue.close(new SluiceError('engine_failed', `${what}: closed`));
    const ended = Promise.all(this.#lanes.map((lane) => lane.close()));
    const timer = setTimeout(() => {
      for (const lane of this.#lanes) lane.terminate();
    }, limits.workerCloseMs);
    await Promise.all([within(ended, 2 * limits.workerCloseMs), this.#inline?.close()]);
    clearTimeout(timer);
    await this.#model?.release();
  }

  /** A thread that does not answer goes on by itself, and is not waited for. */
  async #load(): Promise<void> {
    const { what, model, sessions, limits } = this.#options;
    for (let count = 0; count < sessions; count += 1) this.#lanes.push(RuntimeLane.open());
    const [lane] = this.#lanes as [RuntimeLane];
    const lent = new LentOutputs(limits);
    const loading = ServedModel.load({ ...this.#options, ...model }, { lane, lent });
    this.#model = await within(loading, limits.workerStartMs);
    if (this.#model === undefined) {
      void loading.then(
        (late) => late.release(),
        () => undefined,
      );
      throw new SluiceError(
        'engine_failed',
        `${what}: the model is not loaded after ${limits.workerStartMs} ms`,
      );
    }
    for (const each of this.#lanes) this.#queue.addLane(each);
  }

  async #settle(): Promise<void> {
    const { what, batching, placement = 'thread', signature, limits, nowMs, log } = this.#options;
    const trial = { isTrial: true };
    const run = (inputs: Tensor[]) => this.#queue.submit((lane) => this.#runOn(lane, inputs), {}, trial);
    if (batching !== undefined) {
      const wanted = batching === 'auto' ? undefined : batching;
      const runAlone = async (inputs: Tensor[]) => (await run(inputs)).outputs;
      const terms = { ...this.#options, wanted, itemsAreIndependent: false, run: runAlone };
      this.#batches.limits = await settleBatching(terms);
    }
    const itemMs = await placeModel({ signature, wanted: placement, limits, nowMs, run });
    if (itemMs === undefined) {
      if (placement === 'inline') log.warn(`${what}: what is open in the model keeps it off the event loop`);
      return;
    }
    this.#inline = new InlineEngine({
      ...this.#options,
      model: this.#model as ServedModel,
      itemMs,
      batching: this.#batches.limits,
      hasOpenBatch: isBatched(signature),
      onRun: (finished) => this.#tell(finished),
    });
  }

  async #runOn(lane: RuntimeLane, inputs: Tensor[], signal?: CancelSignal): Promise<LaneRun> {
    const onAbort = (): void => lane.terminate();
    signal?.addEventListener('abort', onAbort);
    try {
      // Parts of a merged run's outputs belong to several requests, and nobody frees those of a trial.
      return await (this.#model as ServedModel).runOn(lane, inputs, { freesOutputs: signal !== undefined });
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #tell({ requests, items, computeMs }: FinishedRun<Tensor[]>): void {
    this.#options.observer?.executed({ route: this.route, requests, items, computeMs });
  }
}

/** Undefined when it takes longer. */
async function within<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
