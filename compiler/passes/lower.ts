import { SluiceError } from '../../contract/errors.ts';
import { parameterRecordLayout } from '../../contract/npu/instructions.generated.ts';
import { encodeParameterRecord, fixedScaleOf } from '../../contract/npu/parameters.ts';
import { unsupportedNode } from '../onnx/model.ts';
import type { DenseLayer } from './region.ts';

const int32Min = -(2 ** 31);
const int32Max = 2 ** 31 - 1;

/** A layer in the form that the NPU's memories hold it. */
export interface LoweredLayer {
  name: string;
  /** Words of the input and of the output activation: one block of channels each. */
  inputBlocks: number;
  outputBlocks: number;
  /** `[outputBlock][inputBlock][outputLane][inputLane]`, zero where a block is not full. */
  tiles: Int8Array;
  /** One record for each output lane of each output block. */
  parameters: Uint8Array;
  outputZeroPoint: number;
  minimum: number;
  maximum: number;
}

/**
 * Brings a dense layer into blocks of channels, folds the input's zero point into the bias and splits each
 * scale into multiplier and shift. Throws `model_unsupported` when an int32 could overflow or a scale is
 * out of the requantiser's range.
 */
export function lowerLayer(layer: DenseLayer, options: { block: number }): LoweredLayer {
  const { block } = options;
  const inputBlocks = Math.ceil(layer.inputCount / block);
  const outputBlocks = Math.ceil(layer.outputCount / block);
  return {
    name: layer.name,
    inputBlocks,
    outputBlocks,
    tiles: packTiles(layer, { block, inputBlocks, outputBlocks }),
    parameters: packParameters(layer, { channels: outputBlocks * block }),
    outputZeroPoint: layer.outputZeroPoint,
    minimum: layer.minimum,
    maximum: layer.maximum,
  };
}

function packTiles(
  layer: DenseLayer,
  options: { block: number; inputBlocks: number; outputBlocks: number },
): Int8Array {
  const { block, inputBlocks, outputBlocks } = options;
  const tiles = new Int8Array(outputBlocks * inputBlocks * block * block);
  for (let output = 0; output < layer.outputCount; output += 1) {
    const row = layer.weights.subarray(output * layer.inputCount, (output + 1) * layer.inputCount);
    const outputBlock = Math.floor(output / block);
    const lane = output % block;
    for (let inputBlock = 0; inputBlock < inputBlocks; inputBlock += 1) {
      const tile = outputBlock * inputBlocks + inputBlock;
      tiles.set(row.subarray(inputBlock * block, (inputBlock + 1) * block), (tile * block + lane) * block);
    }
  }
  return tiles;
}

/** Lanes that fill up the last block have no weights; their record only has to be a legal one. */
function packParameters(layer: DenseLayer, options: { channels: number }): Uint8Array {
  const { bytes } = parameterRecordLayout;
  const records = new Uint8Array(options.channels * bytes);
  const unused = encodeParameterRecord({ bias: 0, ...fixedScaleOf(1) });
  for (let channel = 0; channel < options.channels; channel += 1) {
    const record = channel < layer.outputCount ? channelRecord(layer, channel) : unused;
    records.set(record, channel * bytes);
  }
  return records;
}

function channelRecord(layer: DenseLayer, channel: number): Uint8Array {
  const scale = layer.scales[channel] ?? 0;
  try {
    return encodeParameterRecord({ bias: foldedBias(layer, channel), ...fixedScaleOf(scale) });
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    throw unsupportedNode(layer.node, `output channel ${channel}: ${thrown.message}`);
  }
}

/**
 * Bias minus input zero point times the sum of the weights, which is ONNX Runtime's fold as well.
 * Checks over all int8 inputs that neither the accumulator nor its sum with the bias leaves int32: there
 * ONNX Runtime wraps, and hardware need not.
 */
function foldedBias(layer: DenseLayer, channel: number): number {
  const row = layer.weights.subarray(channel * layer.inputCount, (channel + 1) * layer.inputCount);
  let positive = 0;
  let negative = 0;
  for (const weight of row) {
    if (weight > 0) positive += weight;
    else negative += weight;
  }
  const bias = (layer.bias[channel] ?? 0) - layer.inputZeroPoint * (positive + negative);
  const largest = positive * 127 - negative * 128;
  const smallest = negative * 127 - positive * 128;
  const low = Math.min(bias, smallest, bias + smallest);
  const high = Math.max(bias, largest, bias + largest);
  if (low < int32Min || high > int32Max) {
    const range = `${low} to ${high}`;
    throw new SluiceError('model_unsupported', `its sum ranges from ${range}, which an int32 cannot hold`);
  }
  return bias;
}
