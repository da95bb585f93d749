import { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/logger.ts';
import type { Digest } from '../../contract/names.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { itemCountOf } from '../tensors/items.ts';
import type { Engine, QueueLoad } from './engine.ts';
import type { EngineObserver } from './engine-observer.ts';
import type { OnnxWorkerData } from './onnx-protocol.ts';
import { OnnxSession } from './onnx-session.ts';
import type { RunTerms } from './run-terms.ts';
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
  queueDepthMax: number;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
  startWorker: StartOnnxWorker;
  observer?: EngineObserver;
}

/** ONNX Runtime sessions in worker threads behind one bounded queue: the CPU route, or an end of an NPU route. */
export class OnnxEngine implements Engine {
  readonly route = 'cpu';
  readonly #options: OnnxEngineOptions;
  readonly #pool: WorkerPool<OnnxSession>;

  constructor(options: OnnxEngineOptions) {
    const { limits } = options;
    this.#options = options;
    const data: OnnxWorkerData = {
      ...options.model,
      signature: options.signature,
      keepsQuantisation: options.keepsQuantisation,
      transferBytesMin: limits.transferBytesMin,
    };
    this.#pool = new WorkerPool({
      what: options.what,
      size: options.sessions,
      queueDepthMax: options.queueDepthMax,
      startLane: (onEnded) => OnnxSession.start({ worker: options.startWorker(data), onEnded, limits }),
      limits,
      nowMs: options.nowMs,
      log: options.log,
    });
  }

  /** Loads the model in every thread. Throws `engine_failed`, `blob_digest_mismatch` or `manifest_invalid`. */
  start(): Promise<void> {
    return this.#pool.start();
  }

  infer(inputs: Tensor[], terms?: RunTerms): Promise<Tensor[]> {
    return this.#pool.queue.submit((session) => this.#run(session, inputs), terms);
  }

  get load(): QueueLoad {
    return this.#pool.queue.load;
  }

  expectedMs(priority?: number, items?: number): number {
    return this.#pool.queue.expectedMs(priority, items);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #run(session: OnnxSession, inputs: Tensor[]): Promise<Tensor[]> {
    const { signature, nowMs, observer } = this.#options;
    const startedMs = nowMs();
    const outputs = await session.run(inputs);
    const items = itemCountOf(signature, inputs);
    observer?.executed({ route: this.route, requests: 1, items, computeMs: nowMs() - startedMs });
    return outputs;
  }
}
