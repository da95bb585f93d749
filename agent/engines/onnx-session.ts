import type { Worker } from 'node:worker_threads';
import { SluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { OnnxMeasurement, OnnxReply, OnnxRequest } from './onnx-protocol.ts';
import { detachable, transferListOf } from './transfer.ts';
import type { PoolLane } from './worker-pool.ts';

type Answer = Exclude<OnnxReply, { type: 'failed' }>;

interface Pending {
  resolve(answer: Answer): void;
  reject(error: SluiceError): void;
}

/** What a session needs. */
export interface OnnxSessionOptions {
  /** A fresh thread of onnx-worker.ts. */
  worker: Worker;
  onEnded: (session: OnnxSession, error: SluiceError) => void;
  limits: ScoringLimits;
}

/** One ONNX Runtime session in its worker thread, one run at a time. */
export class OnnxSession implements PoolLane {
  readonly #worker: Worker;
  readonly #limits: ScoringLimits;
  readonly #onEnded: OnnxSessionOptions['onEnded'];
  #pending: Pending | undefined;
  #failure: SluiceError | undefined;
  #started = false;
  #ended = false;
  #closed: Promise<void> | undefined;

  private constructor(options: OnnxSessionOptions) {
    this.#worker = options.worker;
    this.#limits = options.limits;
    this.#onEnded = options.onEnded;
  }

  /**
   * Waits until the thread has loaded the model. Throws `engine_failed`, `blob_digest_mismatch` or
   * `manifest_invalid`, with the thread gone.
   */
  static async start(options: OnnxSessionOptions): Promise<OnnxSession> {
    const session = new OnnxSession(options);
    const { workerStartMs } = options.limits;
    const timer = setTimeout(() => {
      const text = `ONNX worker: the model is not loaded after ${workerStartMs} ms`;
      session.#settle()?.reject(new SluiceError('engine_failed', text));
    }, workerStartMs);
    try {
      await new Promise<Answer>((resolve, reject) => {
        session.#pending = { resolve, reject };
        session.#listen();
      });
      session.#started = true;
      return session;
    } catch (thrown) {
      await session.close();
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs the model once. Throws `engine_failed`. */
  async run(inputs: readonly Tensor[]): Promise<Tensor[]> {
    const owned = detachable(inputs);
    const transfer = transferListOf(owned, this.#limits.transferBytesMin);
    const answer = await this.#ask({ type: 'run', inputs: owned }, transfer);
    return answer.type === 'done' ? answer.outputs : [];
  }

  /** Loads the model once more, and runs it so often, in the thread. Throws `engine_failed`. */
  async measure(inputs: Tensor[], runs: number): Promise<OnnxMeasurement> {
    const answer = await this.#ask({ type: 'measure', inputs, runs }, []);
    if (answer.type === 'measured') return answer.measurement;
    throw new SluiceError('engine_failed', `ONNX worker: ${answer.type} where measured was expected`);
  }

  /**
   * Releases the session and ends the thread; a run that is not over within `limits.workerCloseMs` ends the
   * thread when it is. Never by force: a thread that is terminated inside ONNX Runtime's binding takes the whole
   * process along (an uncaught `Napi::Error`). Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#ended) return;
    const worker = this.#worker;
    this.#send({ type: 'close' }, []);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        worker.unref();
        resolve();
      }, this.#limits.workerCloseMs);
      worker.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #ask(request: OnnxRequest, transfer: ArrayBuffer[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // A thread that is gone answers nothing.
      if (this.#ended) throw this.#failure ?? new SluiceError('engine_failed', 'ONNX worker: it has ended');
      this.#pending = { resolve, reject };
      this.#send(request, transfer);
    });
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  #send(request: OnnxRequest, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(request, transfer);
  }

  #listen(): void {
    this.#worker.on('message', (reply: OnnxReply) => this.#onReply(reply));
    this.#worker.on('error', (error) => {
      this.#failure = new SluiceError('engine_failed', `ONNX worker: ${error.message}`, { cause: error });
    });
    this.#worker.on('exit', (exitCode) => this.#onExit(exitCode));
  }

  #onReply(reply: OnnxReply): void {
    const pending = this.#settle();
    if (reply.type === 'failed') pending?.reject(new SluiceError(reply.error.code, reply.error.message));
    else pending?.resolve(reply);
  }

  #onExit(exitCode: number): void {
    this.#ended = true;
    const error =
      this.#failure ?? new SluiceError('engine_failed', `ONNX worker: ended with exit code ${exitCode}`);
    if (this.#started && this.#closed === undefined) this.#onEnded(this, error);
    this.#settle()?.reject(error);
  }
}
