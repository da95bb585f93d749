import type { ConvolutionLayer } from '../compiler/network/network.ts';

/**
 * A convolution of one group the plainest way: one loop a dimension, int8 times int8, then float32
 * requantisation. The baseline that speed is told against.
 */
export function naiveConvolution(layer: ConvolutionLayer, input: Int8Array): Int8Array {
  const { output, bias, scales, outputZeroPoint, minimum, maximum } = layer;
  const result = new Int8Array(output.channels * output.rows * output.columns);
  let index = 0;
  for (let channel = 0; channel < output.channels; channel += 1) {
    for (let row = 0; row < output.rows; row += 1) {
      for (let column = 0; column < output.columns; column += 1, index += 1) {
        const sum = (bias[channel] as number) + windowSum(layer, input, { channel, row, column });
        const scaled = Math.fround(sum * (scales[channel] as number));
        result[index] = Math.min(Math.max(Math.round(scaled) + outputZeroPoint, minimum), maximum);
      }
    }
  }
  return result;
}

function windowSum(
  layer: ConvolutionLayer,
  input: Int8Array,
  place: { channel: number; row: number; column: number },
): number {
  const { input: map, weights, inputZeroPoint } = layer;
  const { kernelRows, kernelColumns, padTop, padLeft } = layer.window;
  let sum = 0;
  let weight = place.channel * map.channels * kernelRows * kernelColumns;
  for (let channel = 0; channel < map.channels; channel += 1) {
    for (let kernelRow = 0; kernelRow < kernelRows; kernelRow += 1) {
      const row = place.row + kernelRow - padTop;
      for (let kernelColumn = 0; kernelColumn < kernelColumns; kernelColumn += 1, weight += 1) {
        const column = place.column + kernelColumn - padLeft;
        if (row < 0 || row >= map.rows || column < 0 || column >= map.columns) continue;
        const value = input[(channel * map.rows + row) * map.columns + column] as number;
        sum += (weights[weight] as number) * (value - inputZeroPoint);
      }
    }
  }
  return sum;
}
