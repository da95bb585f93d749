import type { OnnxNode } from '../onnx/model.ts';

/** One fully connected layer with ONNX's quantised arithmetic, whichever operator it came from. */
export interface DenseLayer {
  /** Node that computes it, as messages and reports name it. */
  name: string;
  node: OnnxNode;
  inputCount: number;
  outputCount: number;
  /** `[output][input]`, zero point 0. */
  weights: Int8Array;
  /** One for each output, input zero point not folded in. */
  bias: Int32Array;
  /** Combined float32 scale of each output: input scale x weight scale / output scale, as ONNX Runtime rounds it. */
  scales: Float32Array;
  inputZeroPoint: number;
  outputZeroPoint: number;
  /** Bounds that the following activations leave; -128 and 127 without any. */
  minimum: number;
  maximum: number;
}

/** A float tensor of the model and the quantisation that ties it to int8. */
export interface RegionBoundary {
  /** Name of the float tensor. */
  floatTensor: string;
  /** Name of the int8 tensor. */
  quantisedTensor: string;
  scale: number;
  zeroPoint: number;
  /** Shape of the int8 tensor. */
  shape: BatchShape;
  /** QuantizeLinear or DequantizeLinear. */
  node: OnnxNode;
}

/** A shape whose first dimension is the batch. */
export interface BatchShape {
  /** -1 when each request may choose it. */
  batch: number;
  /** Shape of one item. */
  item: readonly number[];
}

/** The part of a model between QuantizeLinear and DequantizeLinear: a chain of dense layers. */
export interface QuantisedRegion {
  input: RegionBoundary;
  output: RegionBoundary;
  layers: readonly DenseLayer[];
  /** Nodes between the boundaries, in order. */
  nodes: readonly OnnxNode[];
}
