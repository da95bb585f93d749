import type { ConvolutionOperation, ImportedOperation } from '../import/graph.ts';
import { evaluateScalar, type ScalarFunction } from '../import/scalar-function.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import type { MapStatistics } from './observe.ts';
import { readersOf, soleReader } from './steps.ts';

/** Factors are kept from 2^-6 to 1, so that a channel that is nearly dead does not swamp its weights. */
const factorMin = 2 ** -6;
const probeArguments = [-40, -3, -0.1, 0.1, 3, 40];
const probeFactors = [2 ** -20, 0.5, 2, 2 ** 20];
const tolerance = 1e-6;

/**
 * Cross-layer equalisation (Nagel et al., "Data-free quantization through weight equalization and bias
 * correction", 2019): where one convolution alone reads another's channels, through functions that commute
 * with positive factors, a factor moves from the first one's output channel to the second one's input
 * channel, so that channels of one map come to similar sizes. The region computes the same up to float
 * rounding. Sizes of channels are those that calibration saw, since weights of the first convolution have a
 * scale for each channel anyway.
 */
export function equalise(part: FloatPart, statistics: ReadonlyMap<string, MapStatistics>): FloatPart {
  const readers = readersOf(part);
  const current = new Map<ImportedOperation, ConvolutionOperation>();
  const latest = (operation: ConvolutionOperation): ConvolutionOperation =>
    current.get(operation) ?? operation;
  for (const first of part.operations) {
    if (first.kind !== 'convolution' || first.given !== undefined) continue;
    const second = nextConvolution(first, { part, readers });
    const sizes = second === undefined ? undefined : statistics.get(second.input.name)?.sizes;
    if (second === undefined || second.given !== undefined || sizes === undefined) continue;
    const factors = factorsOf(latest(second), sizes);
    current.set(first, withFactors(latest(first), { factors, side: 'output' }));
    current.set(second, withFactors(latest(second), { factors, side: 'input' }));
  }
  return { ...part, operations: part.operations.map((operation) => current.get(operation) ?? operation) };
}

/** The convolution that alone reads another's result, with nothing between that a factor would change. */
function nextConvolution(
  first: ConvolutionOperation,
  context: { part: FloatPart; readers: ReturnType<typeof readersOf> },
): ConvolutionOperation | undefined {
  let operation: ImportedOperation = first;
  for (;;) {
    const next = soleReader(operation.output, context);
    if (next === undefined || next.output.quantisation !== undefined) return undefined;
    if (next.kind === 'convolution') return next;
    if (!commutesWithFactors(next)) return undefined;
    operation = next;
  }
}

function commutesWithFactors(operation: ImportedOperation): boolean {
  switch (operation.kind) {
    case 'maximum-pool':
    case 'average-pool':
    case 'global-average':
    case 'resize':
      return true;
    case 'pad':
      return operation.value === 0;
    case 'activation':
      return isHomogeneous(operation.scalar);
    default:
      return false;
  }
}

/** Whether f(s * x) = s * f(x) for positive s, as far as a few arguments tell. */
function isHomogeneous(scalar: ScalarFunction): boolean {
  return probeArguments.every((value) =>
    probeFactors.every((factor) => {
      const wanted = factor * evaluateScalar(scalar, value);
      return (
        Math.abs(evaluateScalar(scalar, factor * value) - wanted) <= tolerance * factor * Math.abs(value)
      );
    }),
  );
}

/**
 * What each channel between is divided by. A depthwise second convolution has a weight scale for each of
 * these channels, so that they can all become equal; otherwise the geometric mean of activation and weights.
 */
function factorsOf(second: ConvolutionOperation, sizes: Float64Array): Float64Array {
  const isDepthwise = second.groups === second.input.channels;
  const weightSizes = inputWeightSizes(second);
  const raw = sizes.map((size, channel) => {
    const weight = weightSizes[channel] as number;
    if (size === 0 || weight === 0) return 0;
    return isDepthwise ? size : Math.sqrt(size / weight);
  });
  const largest = Math.max(...raw);
  if (!(largest > 0)) return raw.fill(1);
  return raw.map((factor) => (factor === 0 ? 1 : Math.max(factor / largest, factorMin)));
}

/** The largest |weight| that each input channel meets. */
function inputWeightSizes(operation: ConvolutionOperation): Float64Array {
  const largest = new Float64Array(operation.input.channels);
  const channelOf = inputChannelOf(operation);
  for (const [index, weight] of operation.weights.entries()) {
    const channel = channelOf(index);
    largest[channel] = Math.max(largest[channel] as number, Math.abs(weight));
  }
  return largest;
}

function withFactors(
  operation: ConvolutionOperation,
  { factors, side }: { factors: Float64Array; side: 'input' | 'output' },
): ConvolutionOperation {
  const { weights, bias, output } = operation;
  if (side === 'input') {
    const channelOf = inputChannelOf(operation);
    return {
      ...operation,
      weights: weights.map((weight, index) => weight * (factors[channelOf(index)] as number)),
    };
  }
  const perOutput = weights.length / output.channels;
  return {
    ...operation,
    weights: weights.map((weight, index) => weight / (factors[Math.floor(index / perOutput)] as number)),
    bias: bias.map((value, channel) => value / (factors[channel] as number)),
  };
}

/** The input channel that a weight meets, by its index. */
function inputChannelOf({ weights, input, output, groups }: ConvolutionOperation): (index: number) => number {
  const perOutput = weights.length / output.channels;
  const inputsPerGroup = input.channels / groups;
  const outputsPerGroup = output.channels / groups;
  const taps = perOutput / inputsPerGroup;
  return (index) => {
    const group = Math.floor(index / perOutput / outputsPerGroup);
    return group * inputsPerGroup + Math.floor((index % perOutput) / taps);
  };
}
