import { Worker } from 'node:worker_threads';
import { isErrorCode, type SerializedError, SluiceError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { GoldenSamples, GoldenTensor, Tensor, TensorSignature } from '../contract/tensors.ts';
import type { CompiledModel } from './compile.ts';
import type { InputShapes } from './import/bind-shapes.ts';
import type { CompileProgress } from './progress.ts';
import type { QuantiseChoice } from './quantise/method.ts';

/** What one worker is asked to do with a model; reading its signature is always part of it. */
export interface WorkerJob {
  model: Uint8Array;
  /** Hardware configuration to compile and verify an NPU program for. */
  accelerate?: string;
  /** Dimensions of inputs that the model leaves open, by name. */
  shapes?: InputShapes;
  /** Inputs to quantise a float model with, one item each; the golden ones without. */
  calibration?: readonly (readonly Tensor[])[];
  /** The right class of each calibration sample. */
  labels?: readonly number[];
  quantise?: QuantiseChoice;
  /** Golden inputs whose outputs are to be recorded. */
  samples?: GoldenTensor[][];
}

/**
 * The worker's answer: `compiled` and `samples` stand there when they were asked for. Signature and samples
 * are those of what will be served: the canonical model of an accelerated one.
 */
export interface WorkerResult {
  signature: TensorSignature;
  compiled?: CompiledModel;
  samples?: GoldenSamples;
}

/** What the worker posts: progress, and one result or error at the end. */
export type WorkerMessage =
  | { kind: 'progress'; progress: CompileProgress }
  | { kind: 'result'; result: WorkerResult }
  | { kind: 'error'; error: SerializedError };

/**
 * Reads a model's signature, compiles and verifies it for an NPU and records golden outputs, whichever is
 * asked for, in a worker thread: ONNX Runtime and the compiler block the thread that they run on.
 * Aborting the signal terminates the worker and rejects with `cancelled`. Throws what the parts throw:
 * `model_invalid`, `model_unsupported`, `verification_failed`, `tensor_*`, `engine_failed`; and
 * `limit_exceeded` for a model that needs more memory than `limits.compilerHeapMiB`.
 */
export async function compileInWorker(
  options: WorkerJob & { signal?: AbortSignal; onProgress?: (progress: CompileProgress) => void },
): Promise<WorkerResult> {
  const { signal, onProgress, ...job } = options;
  if (signal?.aborted) throw cancelled();
  const worker = new Worker(new URL('./compile-worker.js', import.meta.url), {
    workerData: job satisfies WorkerJob,
    resourceLimits: { maxOldGenerationSizeMb: limits.compilerHeapMiB },
  });
  let abort: (() => void) | undefined;
  try {
    return await new Promise<WorkerResult>((resolve, reject) => {
      abort = () => reject(cancelled());
      signal?.addEventListener('abort', abort, { once: true });
      worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'progress') onProgress?.(message.progress);
        else if (message.kind === 'result') resolve(message.result);
        else reject(deserialise(message.error));
      });
      worker.on('error', (thrown) => reject(workerFailure(thrown)));
      worker.on('exit', (exitCode) => {
        reject(new SluiceError('internal', `compiler worker: ended with code ${exitCode} and no answer`));
      });
    });
  } finally {
    if (abort !== undefined) signal?.removeEventListener('abort', abort);
    await worker.terminate();
  }
}

function deserialise(error: SerializedError): SluiceError {
  return new SluiceError(isErrorCode(error.code) ? error.code : 'internal', error.message);
}

function workerFailure(thrown: unknown): SluiceError {
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const limit = `${limits.compilerHeapMiB} MiB (limits.compilerHeapMiB)`;
    return new SluiceError('limit_exceeded', `compiler worker: the model needs more memory than ${limit}`);
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SluiceError('internal', `compiler worker: ${message}`, { cause: thrown });
}

function cancelled(): SluiceError {
  return new SluiceError('cancelled', 'compiler worker: cancelled before it was done');
}
