/**
 * What the NPU's back end compiles: a list of integer layers over int8 feature maps, in an order in which
 * each reads only what came before. Every layer's arithmetic is that of hls/isa/README.md.
 */

/** An int8 tensor of one item, channels x rows x columns. A vector of features has one row and column. */
export interface FeatureMap {
  /** Unique within a network. */
  name: string;
  channels: number;
  rows: number;
  columns: number;
}

/** Window of a convolution or pool, in elements. */
export interface Window {
  kernelRows: number;
  kernelColumns: number;
  strideRows: number;
  strideColumns: number;
  dilationRows: number;
  dilationColumns: number;
  padTop: number;
  padLeft: number;
  padBottom: number;
  padRight: number;
}

/** Clamp of an int8 result, both bounds included. */
export interface Clamp {
  minimum: number;
  maximum: number;
}

interface LayerBase {
  /** For reports and errors: the name of the node it came from. */
  name: string;
  output: FeatureMap;
}

/**
 * QLinearConv of int8 x int8, also Gemm (1 x 1 on one pixel) and average (depthwise, weights of 1).
 * `weights` is [output channels][input channels / groups][kernelRows][kernelColumns], each -127 to 127.
 */
export interface ConvolutionLayer extends LayerBase, Clamp {
  kind: 'convolution';
  input: FeatureMap;
  window: Window;
  groups: number;
  weights: Int8Array;
  /** One int32 for each output channel, without the input zero point's share. */
  bias: Int32Array;
  /** Combined float32 scale of each output channel: input scale * weight scale / output scale. */
  scales: Float32Array;
  inputZeroPoint: number;
  outputZeroPoint: number;
  /** Maps each result, entry v + 128 for the value v. */
  table?: Int8Array;
}

/** Maximum over a window; padding never wins. */
export interface MaximumPoolLayer extends LayerBase {
  kind: 'maximum-pool';
  input: FeatureMap;
  window: Window;
}

/** Any int8 -> int8 function; entry v + 128 for the value v. */
export interface TableLayer extends LayerBase {
  kind: 'table';
  input: FeatureMap;
  table: Int8Array;
}

/** Scales and zero points of an addition as ONNX has them; scales are float32. */
export interface AddQuantisation {
  firstScale: number;
  firstZeroPoint: number;
  secondScale: number;
  secondZeroPoint: number;
  outputScale: number;
  outputZeroPoint: number;
}

/** What the NPU's ADD takes in place of scales (add-terms.ts derives it): a term for each operand value. */
export interface AddTerms {
  /** Entry v + 128 for the value v, `shift` fraction bits. */
  firstTerms: Int32Array;
  secondTerms: Int32Array;
  shift: number;
  /** Units of the terms that count as a tie; 0 for terms that addTermsOf found. */
  tieWindow: number;
}

/**
 * DequantizeLinear - Add - QuantizeLinear through two tables of int32 terms (hls/isa/README.md, ADD).
 * A second operand of one pixel is broadcast.
 */
export interface AddLayer extends LayerBase, Clamp, AddQuantisation, AddTerms {
  kind: 'add';
  first: FeatureMap;
  second: FeatureMap;
}

/** (first - zero point) * (second - zero point), requantised by a float32 scale. A second operand of one pixel is broadcast. */
export interface MultiplyLayer extends LayerBase, Clamp {
  kind: 'multiply';
  first: FeatureMap;
  second: FeatureMap;
  firstZeroPoint: number;
  secondZeroPoint: number;
  scale: number;
  outputZeroPoint: number;
}

/** Nearest resize by whole factors: output (r, c) is input (floor(r / rowFactor), floor(c / columnFactor)). */
export interface ResizeLayer extends LayerBase {
  kind: 'resize';
  input: FeatureMap;
  rowFactor: number;
  columnFactor: number;
}

/** Rows and columns of `value` around the input. */
export interface PadLayer extends LayerBase {
  kind: 'pad';
  input: FeatureMap;
  padTop: number;
  padLeft: number;
  padBottom: number;
  padRight: number;
  value: number;
}

/** Inputs one after the other along the channels. */
export interface ConcatLayer extends LayerBase {
  kind: 'concat';
  inputs: readonly FeatureMap[];
}

/** Channels `firstChannel` to `firstChannel + output.channels - 1` of the input. */
export interface SliceLayer extends LayerBase {
  kind: 'slice';
  input: FeatureMap;
  firstChannel: number;
}

/** One layer of a network. */
export type Layer =
  | ConvolutionLayer
  | MaximumPoolLayer
  | TableLayer
  | AddLayer
  | MultiplyLayer
  | ResizeLayer
  | PadLayer
  | ConcatLayer
  | SliceLayer;

/** Layers with what enters and leaves them. Batch is 1; items run one after the other. */
export interface Network {
  name: string;
  inputs: readonly FeatureMap[];
  outputs: readonly FeatureMap[];
  layers: readonly Layer[];
}
