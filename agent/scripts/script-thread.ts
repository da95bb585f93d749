import type { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/logger.ts';
import { isErrorCode, type SerializedError, SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { SequenceRequest } from '../sequences/sequence-request.ts';
import { detachable } from '../tensors/detachable.ts';
import type {
  ScriptAnswer,
  ScriptCommand,
  ScriptQuestion,
  ScriptReport,
  ScriptRequest,
  ScriptSchemas,
} from './script-protocol.ts';
import type { ScriptReach } from './script-reach.ts';
import type { PoolLane } from './worker-pool.ts';

/** Answers a script's `context.infer`. The inputs are checked by whoever implements this. */
export type InferForScript = (inputs: Tensor[], sequence: SequenceRequest | undefined) => Promise<Tensor[]>;

/** What a script's thread needs. */
export interface ScriptThreadOptions {
  /** A thread of script-worker.ts that nobody has used. */
  worker: Worker;
  onEnded: (thread: ScriptThread, error: SluiceError) => void;
  /** For `context.infer` inside `init`. */
  infer: InferForScript;
  reach: ScriptReach;
  /** What loading and `init` together may take. */
  startMs: number;
  /** What one run may take. */
  timeoutMs: number;
  heapMiB: number;
  log: Logger;
}

interface Pending {
  resolve(answer: ScriptAnswer | undefined): void;
  reject(error: SluiceError): void;
  infer: InferForScript;
  timer: NodeJS.Timeout;
  /** Failures of this run's `context.infer`, so that one which the script lets through keeps its code. */
  inferErrors: Map<number, SluiceError>;
}

/** One scoring script in its worker thread, one run at a time. */
export class ScriptThread implements PoolLane {
  /** What the script declares; known once it has started. */
  schemas: ScriptSchemas = {};
  readonly #options: ScriptThreadOptions;
  #pending: Pending | undefined;
  #started = false;
  #ended = false;
  #closing = false;

  private constructor(options: ScriptThreadOptions) {
    this.#options = options;
  }

  /**
   * Waits until the script is loaded and its `init` is done. Throws `script_invalid`, `script_failed` or
   * `script_timeout`, with the thread gone.
   */
  static async start(options: ScriptThreadOptions): Promise<ScriptThread> {
    const thread = new ScriptThread(options);
    thread.#listen();
    try {
      const ready = thread.#expect({ infer: options.infer, timeoutMs: options.startMs, what: 'init' });
      thread.#send({ type: 'begin' });
      await ready;
    } catch (thrown) {
      await thread.close();
      throw thrown;
    }
    thread.#started = true;
    return thread;
  }

  /**
   * Runs the script on one request. Throws `script_input`, `script_failed`, `script_timeout` (the thread ends),
   * or the code of a `context.infer` that the script let fail.
   */
  async run(request: ScriptRequest, infer: InferForScript): Promise<ScriptAnswer> {
    const answer = this.#expect({ infer, timeoutMs: this.#options.timeoutMs, what: 'run' });
    this.#send({ type: 'run', request });
    return (await answer) as ScriptAnswer;
  }

  /** Ends the thread, whatever it does. Idempotent. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#options.worker.terminate();
  }

  #expect(options: {
    infer: InferForScript;
    timeoutMs: number;
    what: string;
  }): Promise<ScriptAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const onTimeout = (): void => {
        const text = `scoring script: ${options.what} did not end within ${options.timeoutMs} ms`;
        this.#end(new SluiceError('script_timeout', text));
      };
      const timer = setTimeout(onTimeout, options.timeoutMs);
      this.#pending = { resolve, reject, infer: options.infer, timer, inferErrors: new Map() };
    });
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    clearTimeout(pending?.timer);
    return pending;
  }

  /** The thread is of no use any more. The pool hears of it first, so that it hands out no more work to it. */
  #end(error: SluiceError): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#started && !this.#closing) this.#options.onEnded(this, error);
    this.#settle()?.reject(error);
    void this.#options.worker.terminate();
  }

  #send(command: ScriptCommand): void {
    if (!this.#ended) this.#options.worker.postMessage(command);
  }

  #listen(): void {
    const { worker, log } = this.#options;
    worker.on('message', (report: ScriptReport) => this.#onReport(report));
    worker.on('error', (error) => this.#end(this.#failureOf(error)));
    worker.on('exit', () => this.#end(new SluiceError('script_failed', 'scoring script: its thread exited')));
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.on('data', (text: Buffer) => log.warn(`script: ${text.toString().trimEnd()}`));
    }
  }

  #failureOf(error: Error): SluiceError {
    const outOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    const reason = outOfMemory ? `needs more than its ${this.#options.heapMiB} MiB of memory` : error.message;
    return new SluiceError('script_failed', `scoring script: ${reason}`);
  }

  #onReport(report: ScriptReport): void {
    switch (report.type) {
      case 'ready':
        this.schemas = report.schemas;
        this.#settle()?.resolve(undefined);
        break;
      case 'answered':
        this.#settle()?.resolve(report.answer);
        break;
      case 'failed': {
        const pending = this.#settle();
        const passed = report.callId === undefined ? undefined : pending?.inferErrors.get(report.callId);
        pending?.reject(passed ?? readError(report.error));
        break;
      }
      case 'infer':
        void this.#infer(report);
        break;
      case 'ask':
        void this.#ask(report.callId, report.question);
        break;
      case 'log':
        this.#options.log[report.level](`script: ${report.message}`);
        break;
    }
  }

  async #ask(callId: number, question: ScriptQuestion): Promise<void> {
    try {
      this.#send({ type: 'told', callId, value: await this.#options.reach.ask(question) });
    } catch (thrown) {
      this.#send({ type: 'refused', callId, message: reasonOf(thrown) });
    }
  }

  async #infer({ callId, inputs, sequence }: Extract<ScriptReport, { type: 'infer' }>): Promise<void> {
    const pending = this.#pending;
    if (pending === undefined) return;
    try {
      const outputs = await pending.infer(inputs, sequence);
      this.#send({ type: 'inferred', callId, outputs: detachable(outputs) });
    } catch (thrown) {
      const error = toSluiceError(thrown);
      pending.inferErrors.set(callId, error);
      this.#send({ type: 'inferFailed', callId, error: error.toJSON() });
    }
  }
}

/** A failed `fetch` has its reason in its cause. */
function reasonOf(thrown: unknown): string {
  const { message = String(thrown), cause } = Object(thrown) as {
    message?: string;
    cause?: { message?: string };
  };
  return cause?.message === undefined ? message : `${message}: ${cause.message}`;
}

/** A script that caught one of our errors can make its own, with any code. */
function readError({ code, message }: SerializedError): SluiceError {
  return new SluiceError(isErrorCode(String(code)) ? code : 'script_failed', message);
}
