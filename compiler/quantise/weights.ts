import type { ConvolutionOperation } from '../import/graph.ts';
import { type Quantisation, roundHalfToEven } from './quantisation.ts';

/** A convolution's constants as integers. */
export interface QuantisedWeights {
  /** [output channels][input channels / groups][kernelRows][kernelColumns], each -127 to 127. */
  weights: Int8Array;
  bias: Int32Array;
  /** Combined float32 scale of each output channel. */
  scales: Float32Array;
}

const weightMax = 127;
/** Sums of 2^15 products, the zero point's share included, stay below 2^30: with such a bias they fit int32. */
const biasMax = 2 ** 30;
/** Keeps the scale of a channel of zeros away from 0; the NPU's records hold 2^-40 and up. */
const combinedScaleMin = 2 ** -36;

/**
 * Weights with a symmetric scale for each output channel, or those that the model gives as they are. A
 * channel's scale is made larger where its bias would not fit otherwise. `inputMeans`, the mean of each
 * input channel, corrects the bias by what rounding the weights changes on average.
 */
export function quantiseWeights(
  operation: ConvolutionOperation,
  quantisations: { input: Quantisation; output: Quantisation; inputMeans?: Float64Array },
): QuantisedWeights {
  const { given, weights, bias } = operation;
  const inputScale = quantisations.input.scale;
  const scales = given?.scales ?? scalesOf(operation, quantisations);
  const integers = given?.integers ?? roundWeights(weights, scales);
  const shifts =
    quantisations.inputMeans &&
    shiftsOf(operation, { integers, scales, inputMeans: quantisations.inputMeans });
  const biases = Int32Array.from(bias, (value, channel) =>
    clampBias((value - (shifts?.[channel] ?? 0)) / (inputScale * (scales[channel] ?? 1))),
  );
  return {
    weights: integers,
    bias: given?.biasIntegers ?? biases,
    scales: combinedScales(scales, { input: inputScale, output: quantisations.output.scale }),
  };
}

/** ONNX Runtime's order: float32 product of the input's and weight's scale, then the float32 quotient. */
export function combinedScales(
  scales: Float32Array,
  { input, output }: { input: number; output: number },
): Float32Array {
  return scales.map((scale) => Math.fround(Math.fround(input * scale) / output));
}

function scalesOf(
  { weights, bias, output }: ConvolutionOperation,
  quantisations: { input: Quantisation; output: Quantisation },
): Float32Array {
  const perOutput = weights.length / output.channels;
  const inputScale = quantisations.input.scale;
  return Float32Array.from({ length: output.channels }, (_, channel) => {
    let largest = 0;
    for (let index = channel * perOutput; index < (channel + 1) * perOutput; index += 1) {
      largest = Math.max(largest, Math.abs(weights[index] as number));
    }
    const forBias = Math.abs(bias[channel] as number) / (inputScale * biasMax);
    const forRecord = (combinedScaleMin * quantisations.output.scale) / inputScale;
    return Math.max(largest / weightMax, forBias, forRecord);
  });
}

function roundWeights(weights: Float32Array, scales: Float32Array): Int8Array {
  const perOutput = weights.length / scales.length;
  const integers = new Int8Array(weights.length);
  for (let channel = 0; channel < scales.length; channel += 1) {
    const scale = scales[channel] as number;
    for (let index = channel * perOutput; index < (channel + 1) * perOutput; index += 1) {
      const steps = roundHalfToEven((weights[index] as number) / scale);
      integers[index] = Math.min(Math.max(steps, -weightMax), weightMax);
    }
  }
  return integers;
}

/** What each output channel gains on average by the rounding of its weights. */
function shiftsOf(
  { weights, input, output, groups, given }: ConvolutionOperation,
  options: { integers: Int8Array; scales: Float32Array; inputMeans: Float64Array },
): Float64Array | undefined {
  if (given !== undefined) return undefined;
  const { integers, scales, inputMeans } = options;
  const inputsPerGroup = input.channels / groups;
  const outputsPerGroup = output.channels / groups;
  const perOutput = weights.length / output.channels;
  const taps = perOutput / inputsPerGroup;
  return Float64Array.from({ length: output.channels }, (_, channel) => {
    const firstInput = Math.floor(channel / outputsPerGroup) * inputsPerGroup;
    let shift = 0;
    for (let index = 0; index < perOutput; index += 1) {
      const at = channel * perOutput + index;
      const error = (integers[at] as number) * (scales[channel] as number) - (weights[at] as number);
      shift += error * (inputMeans[firstInput + Math.floor(index / taps)] as number);
    }
    return shift;
  });
}

function clampBias(value: number): number {
  return Math.min(Math.max(roundHalfToEven(value), -biasMax), biasMax);
}
