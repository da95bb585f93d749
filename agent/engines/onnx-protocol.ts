import type { SerializedError } from '../../contract/errors.ts';
import type { Digest } from '../../contract/names.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';

/** What an ONNX worker thread is started with. */
export interface OnnxWorkerData {
  /** File of the model, and the digest that its bytes must have. */
  path: string;
  digest: Digest;
  signature: TensorSignature;
  /** Leaves QuantizeLinear and DequantizeLinear as they are, so that bits do not depend on the processor. */
  keepsQuantisation: boolean;
  /** Outputs of at least this size are handed over without a copy. */
  transferBytesMin: number;
}

/** Engine to worker thread. One `run` at a time. */
export type OnnxRequest = { type: 'run'; inputs: Tensor[] } | { type: 'close' };

/** Worker thread to engine. `ready` or `failed` comes once, first; then one answer for each run. */
export type OnnxReply =
  | { type: 'ready' }
  | { type: 'done'; outputs: Tensor[] }
  | { type: 'failed'; error: SerializedError };
