import type { GoldenSamples, GoldenTensor, Tensor, TensorSignature } from '../contract/tensors.ts';
import type { CompiledModel } from './compile.ts';
import type { InputShapes } from './import/bind-shapes.ts';
import type { CompileProgress } from './progress.ts';
import type { QuantiseChoice } from './quantise/method.ts';
import { runInWorker } from './run-in-worker.ts';

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

/**
 * Reads a model's signature, compiles and verifies it for an NPU and records golden outputs, whichever is
 * asked for, in a worker thread: ONNX Runtime and the compiler block the thread that they run on.
 * Aborting the signal ends the work and rejects with `cancelled`. Throws what the parts throw:
 * `model_invalid`, `model_unsupported`, `verification_failed`, `tensor_*`, `engine_failed`; and
 * `limit_exceeded` for a model that needs more memory than `limits.compilerHeapMiB`.
 */
export function compileInWorker(
  options: WorkerJob & { signal?: AbortSignal; onProgress?: (progress: CompileProgress) => void },
): Promise<WorkerResult> {
  const { signal, onProgress, ...job } = options;
  return runInWorker<CompileProgress, WorkerResult>({
    entry: new URL('./compile-worker.js', import.meta.url),
    workerData: job satisfies WorkerJob,
    what: 'compiler',
    signal,
    onProgress,
  });
}
