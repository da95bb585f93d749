import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import {
  arithmeticLimits,
  convolutionFields,
  parameterRecordLayout,
} from '../../contract/npu/instructions.generated.ts';
import { encodeParameterRecord, fixedScaleOf } from '../../contract/npu/parameters.ts';
import type { ConvolutionLayer } from '../network/network.ts';
import { fieldMax, lowerWindow } from './lower-window.ts';
import type { ConvolutionConstants, ConvolveOperation } from './operations.ts';
import { unsupportedLayer } from './refusal.ts';

const int32Min = -(2 ** 31);
const int32Max = 2 ** 31 - 1;

/** What the maps don't decide about a convolution. */
export type LoweredConvolution = Pick<
  ConvolveOperation,
  'rows' | 'columns' | 'depthwise' | 'groupInputBlocks' | 'groupOutputBlocks' | 'constants'
>;

/** How groups of channels become blocks: some merge, their weights then stand on the diagonal. */
interface Blocking {
  depthwise: boolean;
  /** Channels of the input and output of one group of blocks. */
  inputChannels: number;
  outputChannels: number;
  groupInputBlocks: number;
  groupOutputBlocks: number;
}

/**
 * Brings weights into tiles and folds the input's zero point into the bias. Throws `model_unsupported`
 * for a sum that an int32 cannot hold, a weight of -128, a scale or size beyond the NPU's limits.
 */
export function lowerConvolution(
  layer: ConvolutionLayer,
  configuration: HardwareConfiguration,
): LoweredConvolution {
  const { input, output, name, window, groups } = layer;
  if (groups < 1 || input.channels % groups !== 0 || output.channels % groups !== 0) {
    throw unsupportedLayer(
      name,
      `${groups} groups don't divide its ${input.channels} and ${output.channels} channels`,
    );
  }
  const lowest = layer.weights.findIndex((weight) => weight < arithmeticLimits.weightMin);
  if (lowest !== -1) {
    throw unsupportedLayer(
      name,
      `weight ${lowest} is -128; this NPU takes ${arithmeticLimits.weightMin} to 127`,
    );
  }
  const axes = lowerWindow(name, window, { input, output });
  const { groupInputBlocks, groupOutputBlocks, depthwise, ...channels } = blockingOf(layer, configuration);
  const taps = window.kernelRows * window.kernelColumns;
  const width = configuration.inputParallel;
  const products = taps * (depthwise ? 1 : groupInputBlocks * width);
  const blocksMax = fieldMax(convolutionFields, 'inputBlocks');
  if (groupInputBlocks > blocksMax || products > arithmeticLimits.productsMax) {
    const most = `${blocksMax * width} channels and ${arithmeticLimits.productsMax} products`;
    throw unsupportedLayer(
      name,
      `a sum over ${groupInputBlocks * width} channels and ${products} products; this NPU takes ${most}`,
    );
  }
  const tilesPerBlock = depthwise ? Math.ceil(taps / width) : taps * groupInputBlocks;
  if (tilesPerBlock > configuration.weightTiles) {
    const needed = `${width} outputs need ${tilesPerBlock} weight tiles`;
    throw unsupportedLayer(
      name,
      `${needed}, configuration ${configuration.name} has ${configuration.weightTiles}`,
    );
  }
  const blocking = { groupInputBlocks, groupOutputBlocks, depthwise, ...channels };
  const constants = packConstants(layer, { blocking, tilesPerBlock, width });
  return { ...axes, depthwise, groupInputBlocks, groupOutputBlocks, constants };
}

function blockingOf(layer: ConvolutionLayer, { inputParallel }: HardwareConfiguration): Blocking {
  const { groups } = layer;
  const [inputs, outputs] = [layer.input.channels / groups, layer.output.channels / groups];
  if (inputs === 1 && outputs === 1) {
    return {
      depthwise: true,
      inputChannels: 1,
      outputChannels: 1,
      groupInputBlocks: 1,
      groupOutputBlocks: 1,
    };
  }
  const isWhole = (count: number): boolean =>
    groups % count === 0 && (count * inputs) % inputParallel === 0 && (count * outputs) % inputParallel === 0;
  let merged = 1;
  while (merged < groups && !isWhole(merged)) merged += 1;
  return {
    depthwise: false,
    inputChannels: merged * inputs,
    outputChannels: merged * outputs,
    groupInputBlocks: Math.ceil((merged * inputs) / inputParallel),
    groupOutputBlocks: Math.ceil((merged * outputs) / inputParallel),
  };
}

interface Packing {
  blocking: Blocking;
  tilesPerBlock: number;
  width: number;
}

function packConstants(layer: ConvolutionLayer, packing: Packing): ConvolutionConstants {
  const { tilesPerBlock, width } = packing;
  const blocks = Math.ceil(layer.output.channels / width);
  const tiles = new Int8Array(blocks * tilesPerBlock * width * width);
  const parameters = new Uint8Array(blocks * width * parameterRecordLayout.bytes);
  const unused = encodeParameterRecord({ bias: 0, ...fixedScaleOf(1) });
  for (let channel = 0; channel < blocks * width; channel += 1) {
    const isUsed = channel < layer.output.channels;
    const record = isUsed ? channelRecord(layer, channel) : unused;
    parameters.set(record, channel * parameterRecordLayout.bytes);
    if (!isUsed) continue;
    if (packing.blocking.depthwise) packDepthwise(layer, { tiles, channel, ...packing });
    else packDense(layer, { tiles, channel, ...packing });
  }
  return { tilesPerBlock, tiles, parameters };
}

/** Tap t of a channel lies in its lane of row t: rows are W weights of W channels. */
function packDepthwise(
  layer: ConvolutionLayer,
  options: Packing & { tiles: Int8Array; channel: number },
): void {
  const { tiles, channel, tilesPerBlock, width } = options;
  const taps = layer.window.kernelRows * layer.window.kernelColumns;
  const first = Math.floor(channel / width) * tilesPerBlock * width * width + (channel % width);
  for (let tap = 0; tap < taps; tap += 1) {
    tiles[first + tap * width] = layer.weights[channel * taps + tap] ?? 0;
  }
}

function packDense(layer: ConvolutionLayer, options: Packing & { tiles: Int8Array; channel: number }): void {
  const { tiles, channel, tilesPerBlock, width, blocking } = options;
  const taps = layer.window.kernelRows * layer.window.kernelColumns;
  const inputs = layer.input.channels / layer.groups;
  const outputs = layer.output.channels / layer.groups;
  const firstInput = (Math.floor(channel / outputs) * inputs) % blocking.inputChannels;
  const firstTile = Math.floor(channel / width) * tilesPerBlock;
  for (let input = 0; input < inputs; input += 1) {
    const source = (channel * inputs + input) * taps;
    const block = Math.floor((firstInput + input) / width);
    const lane = (firstInput + input) % width;
    for (let tap = 0; tap < taps; tap += 1) {
      const tile = firstTile + tap * blocking.groupInputBlocks + block;
      tiles[(tile * width + (channel % width)) * width + lane] = layer.weights[source + tap] ?? 0;
    }
  }
}

function channelRecord(layer: ConvolutionLayer, channel: number): Uint8Array {
  const scale = layer.scales[channel] ?? Number.NaN;
  try {
    return encodeParameterRecord({ bias: foldedBias(layer, channel), ...fixedScaleOf(scale) });
  } catch (error) {
    throw unsupportedLayer(layer.name, `output channel ${channel}: ${(error as Error).message}`);
  }
}

/**
 * Bias minus input zero point times the sum of the weights, which is ONNX Runtime's fold as well.
 * Checks over all int8 inputs that neither the accumulator nor its sum with the bias leaves int32: there
 * ONNX Runtime wraps, and hardware need not.
 */
function foldedBias(layer: ConvolutionLayer, channel: number): number {
  const count = layer.weights.length / layer.output.channels;
  let positive = 0;
  let negative = 0;
  for (const weight of layer.weights.subarray(channel * count, (channel + 1) * count)) {
    if (weight > 0) positive += weight;
    else negative += weight;
  }
  const bias = (layer.bias[channel] ?? 0) - layer.inputZeroPoint * (positive + negative);
  const largest = positive * 127 - negative * 128;
  const smallest = negative * 127 - positive * 128;
  const low = Math.min(bias, smallest, bias + smallest);
  const high = Math.max(bias, largest, bias + largest);
  if (low < int32Min || high > int32Max) {
    throw new Error(`its sum ranges from ${low} to ${high}, which an int32 cannot hold`);
  }
  return bias;
}
