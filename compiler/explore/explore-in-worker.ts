import { Worker } from 'node:worker_threads';
import { isErrorCode, type SerializedError, SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { InputShapes } from '../import/bind-shapes.ts';
import type { Exploration, ExploreOptions } from './explore.ts';

/** What the worker is asked for. */
export interface ExploreJob {
  model: Uint8Array;
  shapes: InputShapes;
}

/** What the worker posts: progress, and one result or error at the end. */
export type ExploreMessage =
  | { kind: 'progress'; stage: string; done: number; total: number }
  | { kind: 'result'; result: Exploration }
  | { kind: 'error'; error: SerializedError };

/**
 * `exploreModel` in a worker thread. Aborting the signal ends the worker and rejects with `cancelled`;
 * `limit_exceeded` for a model that needs more memory than `limits.compilerHeapMiB`.
 */
export async function exploreInWorker(job: ExploreJob, options: ExploreOptions): Promise<Exploration> {
  const { signal, onProgress } = options;
  const worker = new Worker(new URL('./explore-worker.js', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: limits.compilerHeapMiB },
  });
  let abort: (() => void) | undefined;
  try {
    return await new Promise<Exploration>((resolve, reject) => {
      abort = () => reject(new SluiceError('cancelled', 'explore: cancelled before it was done'));
      if (signal?.aborted) abort();
      signal?.addEventListener('abort', abort, { once: true });
      worker.on('message', (message: ExploreMessage) => {
        if (message.kind === 'progress') onProgress?.(message.stage, message.done, message.total);
        else if (message.kind === 'result') resolve(message.result);
        else reject(errorOf(message.error));
      });
      worker.on('error', (thrown) => reject(failureOf(thrown)));
      worker.on('exit', () =>
        reject(new SluiceError('internal', 'explore: the worker ended with no answer')),
      );
    });
  } finally {
    if (abort !== undefined) signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}

function errorOf({ code, message }: SerializedError): SluiceError {
  return new SluiceError(isErrorCode(code) ? code : 'internal', message);
}

function failureOf(thrown: unknown): SluiceError {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const limit = `${limits.compilerHeapMiB} MiB (limits.compilerHeapMiB)`;
    return new SluiceError('limit_exceeded', `explore: the model needs more memory than ${limit}`);
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SluiceError('internal', `explore: ${message}`, { cause: thrown });
}
