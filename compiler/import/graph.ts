import type { FeatureMap, Window } from '../network/network.ts';
import type { OnnxNode } from '../onnx/model.ts';
import type { ScalarFunction } from './scalar-function.ts';

/**
 * What an ONNX model computes, in float: operations over feature maps that an int8 NPU can compute, and the
 * nodes that stay on ONNX Runtime with the reason. The quantiser turns operations into the integer layers
 * of compiler/network/network.ts.
 */
export interface ImportedGraph {
  name: string;
  /** In an order in which each reads only maps that came before or that `sources` lists. */
  operations: readonly ImportedOperation[];
  /** Maps that no operation computes: graph inputs and outputs of host nodes. */
  sources: readonly ImportedMap[];
  /** In topological order. Nodes that became part of an operation are not among them. */
  hostNodes: readonly HostNode[];
}

/** A float feature map of one item, channels x rows x columns. Its name is unique, mostly that of an ONNX tensor. */
export interface ImportedMap extends FeatureMap {
  /** The quantisation that a QDQ or QLinear model gives it: its values are rounded and bounded accordingly. */
  quantisation?: GivenQuantisation;
  /** ONNX tensors that hold this map's elements; none for a step inside an operator. */
  tensors: readonly TensorView[];
}

/** Value = scale * (integer - zeroPoint) for integers from -128 to 127; uint8 models are shifted by 128. */
export interface GivenQuantisation {
  scale: number;
  zeroPoint: number;
}

/** One of the three directions of a feature map. */
export type Direction = 'channels' | 'rows' | 'columns';

/** An ONNX tensor that holds the elements of a map in some order and shape. */
export interface TensorView {
  /** Name of the ONNX tensor. */
  tensor: string;
  shape: readonly number[];
  /**
   * For each axis the map's directions that run along it, the slowest first: [[], ['channels'], ['rows'],
   * ['columns']] is NCHW, [[], ['channels', 'rows', 'columns']] its flattened form. Directions of size 1
   * may stand anywhere or be left out.
   */
  axes: readonly (readonly Direction[])[];
  /** Whether the tensor holds the integers of the map's given quantisation instead of floats. */
  isInteger: boolean;
}

interface OperationBase {
  /** For reports and errors: the name of the most important node it came from, or that node's output. */
  name: string;
  output: ImportedMap;
  /** The ONNX nodes whose work it does. */
  nodes: readonly OnnxNode[];
}

/**
 * Convolution, with zeros around the input; also Gemm and MatMul (1 x 1, or the whole map after Flatten),
 * BatchNormalization and constants for each channel (depthwise 1 x 1).
 */
export interface ConvolutionOperation extends OperationBase {
  kind: 'convolution';
  input: ImportedMap;
  window: Window;
  groups: number;
  /** [output channels][input channels / groups][kernelRows][kernelColumns]. */
  weights: Float32Array;
  /** One for each output channel. */
  bias: Float32Array;
  /** The integers of a QDQ or QLinear model; left out when nothing, or something asymmetric, is given. */
  given?: GivenWeights;
}

/** weights[i] = scales[output channel] * integers[i], each -128 to 127. */
export interface GivenWeights {
  integers: Int8Array;
  /** One for each output channel. */
  scales: Float32Array;
  /** bias[o] = input scale * scales[o] * biasIntegers[o]; left out when the model gives a float bias. */
  biasIntegers?: Int32Array;
}

/** The same function of every element. The argument itself means: only the quantisation changes. */
export interface ActivationOperation extends OperationBase {
  kind: 'activation';
  input: ImportedMap;
  scalar: ScalarFunction;
}

/** Sum or product of two maps; a second one of one pixel is broadcast. */
export interface ElementwiseOperation extends OperationBase {
  kind: 'add' | 'multiply';
  first: ImportedMap;
  second: ImportedMap;
}

/** Maximum over a window; padding never wins. */
export interface MaximumPoolOperation extends OperationBase {
  kind: 'maximum-pool';
  input: ImportedMap;
  window: Window;
}

/**
 * Mean over a window. Elements of the padding count as zeros, so that the divisor is always the kernel's
 * size, or are left out.
 */
export interface AveragePoolOperation extends OperationBase {
  kind: 'average-pool';
  input: ImportedMap;
  window: Window;
  excludesPadding: boolean;
}

/** Mean over all pixels of each channel. */
export interface GlobalAverageOperation extends OperationBase {
  kind: 'global-average';
  input: ImportedMap;
}

/** Nearest resize: output (r, c) is input (floor(r / rowFactor), floor(c / columnFactor)). */
export interface ResizeOperation extends OperationBase {
  kind: 'resize';
  input: ImportedMap;
  rowFactor: number;
  columnFactor: number;
}

/** Rows and columns of `value` around the input. It may be infinite until it has become a pool's padding. */
export interface PadOperation extends OperationBase {
  kind: 'pad';
  input: ImportedMap;
  padTop: number;
  padLeft: number;
  padBottom: number;
  padRight: number;
  value: number;
}

/** Inputs one after the other along the channels. */
export interface ConcatOperation extends OperationBase {
  kind: 'concat';
  inputs: readonly ImportedMap[];
}

/** Channels `firstChannel` to `firstChannel + output.channels - 1` of the input. */
export interface SliceOperation extends OperationBase {
  kind: 'slice';
  input: ImportedMap;
  firstChannel: number;
}

/** Channels in another order: output channel c is input channel `order[c]`. */
export interface ShuffleOperation extends OperationBase {
  kind: 'shuffle';
  input: ImportedMap;
  order: Int32Array;
}

/** One operation that an int8 NPU can compute. */
export type ImportedOperation =
  | ConvolutionOperation
  | ActivationOperation
  | ElementwiseOperation
  | MaximumPoolOperation
  | AveragePoolOperation
  | GlobalAverageOperation
  | ResizeOperation
  | PadOperation
  | ConcatOperation
  | SliceOperation
  | ShuffleOperation;

/** A node that stays on ONNX Runtime. */
export interface HostNode {
  node: OnnxNode;
  /** One clause: operator, attribute, shape or limit. */
  reason: string;
}

/** Maps that an operation reads, in its order. */
export function inputsOf(operation: ImportedOperation): readonly ImportedMap[] {
  switch (operation.kind) {
    case 'add':
    case 'multiply':
      return [operation.first, operation.second];
    case 'concat':
      return operation.inputs;
    default:
      return [operation.input];
  }
}

/** Multiply-accumulates of an operation: those of convolutions, none elsewhere. */
export function multiplyAccumulatesOf(operation: ImportedOperation): number {
  if (operation.kind !== 'convolution') return 0;
  return operation.weights.length * operation.output.rows * operation.output.columns;
}
