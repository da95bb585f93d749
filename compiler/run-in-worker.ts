import { Worker } from 'node:worker_threads';
import { isErrorCode, type SerializedError, SluiceError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';

/** What a worker of the compiler posts: progress, and one result or error at the end. */
export type JobMessage<Progress, Result> =
  | { kind: 'progress'; progress: Progress }
  | { kind: 'result'; result: Result }
  | { kind: 'error'; error: SerializedError };

/** What such a worker may be told while it works. */
export type JobCommand = 'cancel';

/** A job for a worker. */
export interface WorkerRun<Progress> {
  /** Module of the worker's body, which ends in `answerJob`. */
  entry: URL;
  workerData: unknown;
  /** Whose work it is, for messages. */
  what: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * Runs a job in a worker thread with at most `limits.compilerHeapMiB` of JavaScript heap. When the signal aborts,
 * the worker is told, and this rejects with `cancelled` as soon as it has given up: never by force, because a
 * thread that is terminated inside ONNX Runtime's binding takes the whole process along (an uncaught
 * `Napi::Error`). Throws what the job throws, and `limit_exceeded` when it needs more memory.
 */
export async function runInWorker<Progress, Result>(run: WorkerRun<Progress>): Promise<Result> {
  const { entry, workerData, what, signal, onProgress } = run;
  if (signal?.aborted) throw new SluiceError('cancelled', `${what}: cancelled before it began`);
  const worker = new Worker(entry, {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: limits.compilerHeapMiB },
  });
  const abort = (): void => worker.postMessage('cancel' satisfies JobCommand);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await new Promise<Result>((resolve, reject) => {
      worker.on('message', (message: JobMessage<Progress, Result>) => {
        if (message.kind === 'progress') onProgress?.(message.progress);
        else if (message.kind === 'result' && !signal?.aborted) resolve(message.result);
        else if (message.kind === 'result') reject(new SluiceError('cancelled', `${what}: cancelled`));
        else reject(deserialise(message.error));
      });
      worker.on('error', (thrown) => reject(failureOf(what, thrown)));
      worker.on('exit', (exitCode) => {
        reject(new SluiceError('internal', `${what}: its worker ended with code ${exitCode} and no answer`));
      });
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    // It has answered, so nothing of it is inside the binding any more.
    await worker.terminate();
  }
}

function deserialise({ code, message }: SerializedError): SluiceError {
  return new SluiceError(isErrorCode(code) ? code : 'internal', message);
}

function failureOf(what: string, thrown: unknown): SluiceError {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const limit = `${limits.compilerHeapMiB} MiB (limits.compilerHeapMiB)`;
    return new SluiceError('limit_exceeded', `${what}: the model needs more memory than ${limit}`);
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SluiceError('internal', `${what}: ${message}`, { cause: thrown });
}
