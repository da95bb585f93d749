import { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { RunManifest } from '../../contract/image.ts';
import type { TensorSignature } from '../../contract/tensors.ts';
import type { QueueLoad } from '../engines/engine.ts';
import type { RunTerms } from '../engines/run-terms.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { RequestSignature } from '../tensors/signature.ts';
import { EarlyWorkers } from './early-workers.ts';
import type {
  ScriptAnswer,
  ScriptImage,
  ScriptRequest,
  ScriptSchemas,
  ScriptWorkerData,
} from './script-protocol.ts';
import { ScriptReach } from './script-reach.ts';
import { type InferForScript, ScriptThread } from './script-thread.ts';
import { WorkerPool } from './worker-pool.ts';

/** What a scoring script's host needs. */
export interface ScriptHostOptions {
  /** Whose script this is, for messages. */
  what: string;
  /** One bundled ES module. */
  source: Uint8Array;
  settings: NonNullable<RunManifest['script']>;
  /** Files of the image, by path. */
  files: ReadonlyMap<string, Uint8Array>;
  image: ScriptImage;
  signature: TensorSignature;
  /** Of a `context.infer` that belongs to a sequence; undefined for a model that keeps none. */
  sequenceSignature: RequestSignature | undefined;
  threads: number;
  queueDepthMax: number;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
}

/** Runs an image's scoring script in worker threads of its own, with limits on time and memory. */
export class ScriptHost {
  /** What the script declares; known once it has started. */
  schemas: ScriptSchemas = {};
  readonly #options: ScriptHostOptions;
  readonly #workers: EarlyWorkers;
  readonly #pool: WorkerPool<ScriptThread>;
  #infer: InferForScript = () =>
    Promise.reject(new SluiceError('script_failed', 'scoring script: not started'));

  /** Starts the threads, which do nothing until `start` is called. */
  constructor(options: ScriptHostOptions) {
    this.#options = options;
    this.#workers = new EarlyWorkers(options.threads, () => startWorker(options));
    this.#pool = new WorkerPool({
      what: options.what,
      size: options.threads,
      queueDepthMax: options.queueDepthMax,
      startLane: async (onEnded) => {
        const thread = await this.#startThread(onEnded);
        this.schemas = thread.schemas;
        return thread;
      },
      limits: options.limits,
      nowMs: options.nowMs,
      log: options.log,
    });
  }

  /**
   * Loads the script in every thread and runs its `init`, whose `context.infer` the argument answers. Throws
   * `script_invalid`, `script_failed` or `script_timeout`.
   */
  start(infer: InferForScript): Promise<void> {
    this.#infer = infer;
    return this.#pool.start();
  }

  /** Runs the script on one request; see `ScriptThread.run` for the errors, besides `queue_full` and `cancelled`. */
  run(request: ScriptRequest, options: { infer: InferForScript; terms: RunTerms }): Promise<ScriptAnswer> {
    return this.#pool.queue.submit((thread) => thread.run(request, options.infer), options.terms);
  }

  /** Requests that wait for a thread or run in one. */
  get load(): QueueLoad {
    return this.#pool.queue.load;
  }

  /** Ends all threads. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#workers.close()]);
  }

  async #startThread(onEnded: (thread: ScriptThread, error: SluiceError) => void): Promise<ScriptThread> {
    const { settings, limits, log } = this.#options;
    // Before there is a thread, which would stay if this threw.
    const reach = new ScriptReach({
      grants: settings.grants ?? {},
      bytesMax: limits.scriptGrantedBytesMax,
      openMax: limits.scriptQuestionsMax,
      timeoutMs: settings.timeoutMs,
    });
    return ScriptThread.start({
      worker: this.#workers.take() ?? startWorker(this.#options),
      onEnded,
      infer: this.#infer,
      reach,
      startMs: limits.workerStartMs + settings.timeoutMs,
      timeoutMs: settings.timeoutMs,
      heapMiB: settings.heapMiB,
      log,
    });
  }
}

function startWorker(options: ScriptHostOptions): Worker {
  const { source, image, signature, sequenceSignature, files, settings, limits } = options;
  const workerData: ScriptWorkerData = {
    source,
    image,
    signature,
    files,
    sequenceSignature,
    outputBytesMax: limits.scriptOutputBytesMax,
    logLinesMax: limits.scriptLogLinesMax,
    textCharsMax: limits.scriptTextCharsMax,
    schemaCharsMax: limits.scriptSchemaCharsMax,
  };
  return new Worker(new URL('./script-worker.js', import.meta.url), {
    workerData,
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: settings.heapMiB },
    // A module made by node:vm can import nothing, not even what Node brings along; a data: URL could.
    execArgv: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  });
}
