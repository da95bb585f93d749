import type { Digest } from '../../contract/names.ts';
import type { TensorSignature } from '../../contract/tensors.ts';

/** A model of an image, and what of it is served. */
export interface ModelSource {
  /** File of the model, and the digest that its bytes must have. */
  path: string;
  digest: Digest;
  signature: TensorSignature;
  /** Leaves QuantizeLinear and DequantizeLinear as they are, so that bits do not depend on the processor. */
  keepsQuantisation: boolean;
}
