import type { SerializedError } from '../../contract/errors.ts';
import type { Digest } from '../../contract/names.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';

/** A model of an image, and what of it is served. */
export interface ModelSource {
  /** File of the model, and the digest that its bytes must have. */
  path: string;
  digest: Digest;
  signature: TensorSignature;
  /** Leaves QuantizeLinear and DequantizeLinear as they are, so that bits do not depend on the processor. */
  keepsQuantisation: boolean;
}

/** What an ONNX worker thread is started with. */
export interface OnnxWorkerData extends ModelSource {
  /** Outputs of at least this size are handed over without a copy. */
  transferBytesMin: number;
}

/** Times in a worker thread, in milliseconds. */
export interface OnnxMeasurement {
  /** Of loading the model, in a thread that has loaded it before. */
  loadMs: number;
  runMs: number[];
}

/** Engine to worker thread. One `run` or `measure` at a time. */
export type OnnxRequest =
  | { type: 'run'; inputs: Tensor[] }
  | { type: 'measure'; inputs: Tensor[]; runs: number }
  | { type: 'close' };

/** Worker thread to engine. `ready` or `failed` comes once, first; then one answer for each run or measurement. */
export type OnnxReply =
  | { type: 'ready' }
  | { type: 'done'; outputs: Tensor[] }
  | { type: 'measured'; measurement: OnnxMeasurement }
  | { type: 'failed'; error: SerializedError };
