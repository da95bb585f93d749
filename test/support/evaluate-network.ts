import type {
  AddLayer,
  ConvolutionLayer,
  FeatureMap,
  Layer,
  MaximumPoolLayer,
  MultiplyLayer,
  Network,
  PadLayer,
  ResizeLayer,
} from '../../compiler/network/network.ts';
import { addOf, requantised } from './npu-arithmetic.ts';

/** Values of maps by name: int8, channels x rows x columns. */
export type MapValues = Map<string, Int8Array>;

/**
 * Every map of a network, computed value by value from hls/isa/README.md: what the simulators and ONNX
 * Runtime are held against. Slow.
 */
export function evaluateNetwork(network: Network, inputs: MapValues): MapValues {
  const values: MapValues = new Map(inputs);
  for (const layer of network.layers) {
    const result = new Int8Array(sizeOf(layer.output));
    evaluateLayer(layer, values, result);
    values.set(layer.output.name, result);
  }
  return values;
}

/** Elements of a map. */
export function sizeOf({ channels, rows, columns }: FeatureMap): number {
  return channels * rows * columns;
}

function evaluateLayer(layer: Layer, values: MapValues, result: Int8Array): void {
  const of = (map: FeatureMap): Int8Array => valuesOf(values, map);
  switch (layer.kind) {
    case 'convolution':
      convolve(layer, of(layer.input), result);
      break;
    case 'maximum-pool':
      pool(layer, of(layer.input), result);
      break;
    case 'table':
      result.set(of(layer.input).map((value) => layer.table[value + 128] as number));
      break;
    case 'add':
      add(layer, { first: of(layer.first), second: of(layer.second), result });
      break;
    case 'multiply':
      multiply(layer, { first: of(layer.first), second: of(layer.second), result });
      break;
    case 'resize':
      resize(layer, of(layer.input), result);
      break;
    case 'pad':
      pad(layer, of(layer.input), result);
      break;
    case 'concat': {
      let start = 0;
      for (const input of layer.inputs) {
        result.set(of(input), start);
        start += sizeOf(input);
      }
      break;
    }
    case 'slice': {
      const start = layer.firstChannel * layer.output.rows * layer.output.columns;
      result.set(of(layer.input).subarray(start, start + result.length));
      break;
    }
  }
}

function valuesOf(values: MapValues, map: FeatureMap): Int8Array {
  const found = values.get(map.name);
  if (found?.length !== sizeOf(map)) throw new Error(`${map.name}: ${sizeOf(map)} values expected`);
  return found;
}

function convolve(layer: ConvolutionLayer, input: Int8Array, result: Int8Array): void {
  const { output, bias, scales, table } = layer;
  let index = 0;
  for (let channel = 0; channel < output.channels; channel += 1) {
    for (let row = 0; row < output.rows; row += 1) {
      for (let column = 0; column < output.columns; column += 1, index += 1) {
        const sum = windowSum(layer, input, { channel, row, column });
        const value = requantised((sum + (bias[channel] as number)) | 0, scales[channel] as number, layer);
        result[index] = table === undefined ? value : (table[value + 128] as number);
      }
    }
  }
}

interface Place {
  channel: number;
  row: number;
  column: number;
}

/** Sum of one output before its bias; padding is the input's zero point and so adds nothing. */
function windowSum(layer: ConvolutionLayer, input: Int8Array, place: Place): number {
  const { input: map, window, weights, groups, output, inputZeroPoint } = layer;
  const inputsPerGroup = map.channels / groups;
  const firstInput = Math.floor(place.channel / (output.channels / groups)) * inputsPerGroup;
  const { kernelRows, kernelColumns } = window;
  let sum = 0;
  let weight = place.channel * inputsPerGroup * kernelRows * kernelColumns;
  for (let channel = firstInput; channel < firstInput + inputsPerGroup; channel += 1) {
    for (let kernelRow = 0; kernelRow < kernelRows; kernelRow += 1) {
      const row = place.row * window.strideRows + kernelRow * window.dilationRows - window.padTop;
      for (let kernelColumn = 0; kernelColumn < kernelColumns; kernelColumn += 1, weight += 1) {
        const column =
          place.column * window.strideColumns + kernelColumn * window.dilationColumns - window.padLeft;
        if (row < 0 || row >= map.rows || column < 0 || column >= map.columns) continue;
        const value = input[(channel * map.rows + row) * map.columns + column] as number;
        sum += (weights[weight] as number) * (value - inputZeroPoint);
      }
    }
  }
  return sum;
}

function pool({ input: map, output, window }: MaximumPoolLayer, input: Int8Array, result: Int8Array): void {
  result.forEach((_, index) => {
    const { channel, row, column } = placeIn(output, index);
    let most = -128;
    for (let kernelRow = 0; kernelRow < window.kernelRows; kernelRow += 1) {
      for (let kernelColumn = 0; kernelColumn < window.kernelColumns; kernelColumn += 1) {
        const y = row * window.strideRows + kernelRow * window.dilationRows - window.padTop;
        const x = column * window.strideColumns + kernelColumn * window.dilationColumns - window.padLeft;
        if (y < 0 || y >= map.rows || x < 0 || x >= map.columns) continue;
        most = Math.max(most, input[(channel * map.rows + y) * map.columns + x] as number);
      }
    }
    result[index] = most;
  });
}

interface Operands {
  first: Int8Array;
  second: Int8Array;
  result: Int8Array;
}

function add(layer: AddLayer, { first, second, result }: Operands): void {
  const partner = partnerOf(layer);
  result.forEach((_, index) => {
    result[index] = addOf(first[index] as number, second[partner(index)] as number, layer);
  });
}

function multiply(layer: MultiplyLayer, { first, second, result }: Operands): void {
  const { firstZeroPoint, secondZeroPoint, scale } = layer;
  const partner = partnerOf(layer);
  result.forEach((_, index) => {
    const centred = (second[partner(index)] as number) - secondZeroPoint;
    result[index] = requantised(((first[index] as number) - firstZeroPoint) * centred, scale, layer);
  });
}

/** Which element of the second operand meets one of the first; a map of one pixel meets all of its channel. */
function partnerOf({ first, second }: AddLayer | MultiplyLayer): (index: number) => number {
  const pixels = first.rows * first.columns;
  const isBroadcast = second.rows * second.columns === 1 && pixels > 1;
  return (index) => (isBroadcast ? Math.floor(index / pixels) : index);
}

function resize(layer: ResizeLayer, input: Int8Array, result: Int8Array): void {
  const { input: map, output, rowFactor, columnFactor } = layer;
  result.forEach((_, index) => {
    const { channel, row, column } = placeIn(output, index);
    const from = (channel * map.rows + Math.floor(row / rowFactor)) * map.columns;
    result[index] = input[from + Math.floor(column / columnFactor)] as number;
  });
}

function pad({ input: map, output, padTop, padLeft, value }: PadLayer, input: Int8Array, result: Int8Array) {
  result.fill(value);
  input.forEach((each, index) => {
    const { channel, row, column } = placeIn(map, index);
    result[(channel * output.rows + row + padTop) * output.columns + column + padLeft] = each;
  });
}

function placeIn({ rows, columns }: FeatureMap, index: number): Place {
  const channel = Math.floor(index / (rows * columns));
  const row = Math.floor(index / columns) % rows;
  return { channel, row, column: index % columns };
}
