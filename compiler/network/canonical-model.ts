import { elementType } from '../onnx/element-types.ts';
import { CanonicalGraph } from './canonical-graph.ts';
import type {
  AddLayer,
  Clamp,
  ConcatLayer,
  ConvolutionLayer,
  Layer,
  MaximumPoolLayer,
  MultiplyLayer,
  Network,
  PadLayer,
  ResizeLayer,
  SliceLayer,
  TableLayer,
  Window,
} from './network.ts';

const channelAxis = 1;

/**
 * A network as an ONNX model of operators whose int8 results are the same on every CPU, and the NPU's: the
 * CPU route runs it. Tensors are [batch, channels, rows, columns] under the names of the network's maps.
 * ONNX Runtime must not fuse it: session option `session.disable_quant_qdq=1`
 * (RuntimeModel.load with `fusesQuantisation: false`), because its QLinearAdd has other bits.
 */
export function canonicalModelOf(network: Network): Uint8Array {
  const graph = new CanonicalGraph();
  for (const layer of network.layers) appendLayer(graph, layer);
  return graph.write(network);
}

function appendLayer(graph: CanonicalGraph, layer: Layer): void {
  switch (layer.kind) {
    case 'convolution':
      appendConvolution(graph, layer);
      break;
    case 'maximum-pool':
      appendMaximumPool(graph, layer);
      break;
    case 'table':
      appendTable(graph, { ...layer, input: layer.input.name });
      break;
    case 'add':
      appendAdd(graph, layer);
      break;
    case 'multiply':
      appendMultiply(graph, layer);
      break;
    case 'resize':
      appendResize(graph, layer);
      break;
    case 'pad':
      appendPad(graph, layer);
      break;
    case 'concat':
      appendConcat(graph, layer);
      break;
    case 'slice':
      appendSlice(graph, layer);
      break;
  }
}

/** QLinearConv with input and output scales of 1: ONNX Runtime's combined scale is then the given float. */
function appendConvolution(graph: CanonicalGraph, layer: ConvolutionLayer): void {
  const { input, output, window, weights, bias, scales, table } = layer;
  const inputsPerGroup = input.channels / layer.groups;
  const shape = [output.channels, inputsPerGroup, window.kernelRows, window.kernelColumns];
  const names = namesIn(output.name);
  const result = graph.node('QLinearConv', {
    inputs: [
      input.name,
      unitScale(graph),
      zeroPoint(graph, layer.inputZeroPoint),
      graph.constant(names('weights'), weights, shape),
      graph.constant(names('scales'), scales),
      zeroPoint(graph, 0),
      unitScale(graph),
      zeroPoint(graph, layer.outputZeroPoint),
      graph.constant(names('bias'), bias),
    ],
    output: needsMore(layer) ? names('convolved') : output.name,
    attributes: { ...windowAttributes(window), group: { kind: 'int', value: layer.groups } },
  });
  const clamped = appendClamp(graph, layer, {
    input: result,
    output: table === undefined ? output.name : names('clamped'),
  });
  if (table !== undefined) appendTable(graph, { input: clamped, output, table });
}

function needsMore(layer: ConvolutionLayer): boolean {
  return layer.table !== undefined || isClamping(layer);
}

function appendMaximumPool(graph: CanonicalGraph, { input, output, window }: MaximumPoolLayer): void {
  graph.node('MaxPool', {
    inputs: [input.name],
    output: output.name,
    attributes: windowAttributes(window),
  });
}

/** Gather with the value + 128 as the index. */
function appendTable(
  graph: CanonicalGraph,
  options: { input: string; output: TableLayer['output']; table: Int8Array },
): void {
  const { input, output, table } = options;
  const names = namesIn(output.name);
  const wide = appendCast(graph, input, names('wide'));
  const index = graph.node('Add', {
    inputs: [wide, scalar(graph, '//table-offset', Int32Array.of(128))],
    output: names('index'),
  });
  graph.node('Gather', {
    inputs: [graph.constant(names('table'), table), index],
    output: output.name,
  });
}

/** DequantizeLinear - Add - QuantizeLinear in float32. */
function appendAdd(graph: CanonicalGraph, layer: AddLayer): void {
  const { first, second, output } = layer;
  const names = namesIn(output.name);
  const sum = graph.node('Add', {
    inputs: [
      appendDequantise(graph, {
        input: first.name,
        scale: layer.firstScale,
        point: layer.firstZeroPoint,
        output: names('first'),
      }),
      appendDequantise(graph, {
        input: second.name,
        scale: layer.secondScale,
        point: layer.secondZeroPoint,
        output: names('second'),
      }),
    ],
    output: names('sum'),
  });
  appendQuantise(graph, layer, { input: sum, scale: layer.outputScale });
}

/** Cast - Sub - Mul in int32, which is exact; then the float32 arithmetic of a convolution's result. */
function appendMultiply(graph: CanonicalGraph, layer: MultiplyLayer): void {
  const { first, second, output } = layer;
  const names = namesIn(output.name);
  const centred = (input: string, point: number, name: string): string =>
    graph.node('Sub', {
      inputs: [
        appendCast(graph, input, `${name}-wide`),
        scalar(graph, `//int32/${point}`, Int32Array.of(point)),
      ],
      output: name,
    });
  const product = graph.node('Mul', {
    inputs: [
      centred(first.name, layer.firstZeroPoint, names('first')),
      centred(second.name, layer.secondZeroPoint, names('second')),
    ],
    output: names('product'),
  });
  const real = graph.node('DequantizeLinear', {
    inputs: [product, scalar(graph, names('scale'), Float32Array.of(layer.scale))],
    output: names('real'),
  });
  appendQuantise(graph, layer, { input: real, scale: 1 });
}

function appendResize(graph: CanonicalGraph, layer: ResizeLayer): void {
  const { input, output, rowFactor, columnFactor } = layer;
  const names = namesIn(output.name);
  // Left out only from operator set 13 on, and read by none of these modes.
  const region = graph.constant(names('region'), new Float32Array(0));
  const factors = graph.constant(names('factors'), Float32Array.of(1, 1, rowFactor, columnFactor));
  graph.node('Resize', {
    inputs: [input.name, region, factors],
    output: output.name,
    attributes: {
      mode: { kind: 'string', value: 'nearest' },
      coordinate_transformation_mode: { kind: 'string', value: 'asymmetric' },
      nearest_mode: { kind: 'string', value: 'floor' },
    },
  });
}

function appendPad(graph: CanonicalGraph, layer: PadLayer): void {
  const { input, output, padTop, padLeft, padBottom, padRight, value } = layer;
  const pads = [0, 0, padTop, padLeft, 0, 0, padBottom, padRight];
  graph.node('Pad', {
    inputs: [input.name, integers(graph, namesIn(output.name)('pads'), pads), zeroPoint(graph, value)],
    output: output.name,
  });
}

function appendConcat(graph: CanonicalGraph, { inputs, output }: ConcatLayer): void {
  graph.node('Concat', {
    inputs: inputs.map((input) => input.name),
    output: output.name,
    attributes: { axis: { kind: 'int', value: channelAxis } },
  });
}

function appendSlice(graph: CanonicalGraph, { input, output, firstChannel }: SliceLayer): void {
  const names = namesIn(output.name);
  graph.node('Slice', {
    inputs: [
      input.name,
      integers(graph, names('from'), [firstChannel]),
      integers(graph, names('to'), [firstChannel + output.channels]),
      integers(graph, names('axis'), [channelAxis]),
    ],
    output: output.name,
  });
}

function appendDequantise(
  graph: CanonicalGraph,
  options: { input: string; scale: number; point: number; output: string },
): string {
  const { input, scale, point, output } = options;
  return graph.node('DequantizeLinear', {
    inputs: [input, scalar(graph, `${output}-scale`, Float32Array.of(scale)), zeroPoint(graph, point)],
    output,
  });
}

/** QuantizeLinear and the layer's clamp, which ends in the layer's output. */
function appendQuantise(
  graph: CanonicalGraph,
  layer: AddLayer | MultiplyLayer,
  options: { input: string; scale: number },
): void {
  const { output } = layer;
  const names = namesIn(output.name);
  const result = graph.node('QuantizeLinear', {
    inputs: [
      options.input,
      scalar(graph, names('output-scale'), Float32Array.of(options.scale)),
      zeroPoint(graph, layer.outputZeroPoint),
    ],
    output: isClamping(layer) ? names('quantised') : output.name,
  });
  appendClamp(graph, layer, { input: result, output: output.name });
}

/** Clip of int8, left out where it would change nothing; gives the name of the result. */
function appendClamp(
  graph: CanonicalGraph,
  clamp: Clamp,
  options: { input: string; output: string },
): string {
  if (!isClamping(clamp)) return options.input;
  const bounds = [zeroPoint(graph, clamp.minimum), zeroPoint(graph, clamp.maximum)];
  return graph.node('Clip', { inputs: [options.input, ...bounds], output: options.output });
}

function isClamping({ minimum, maximum }: Clamp): boolean {
  return minimum > -128 || maximum < 127;
}

function appendCast(graph: CanonicalGraph, input: string, output: string): string {
  const attributes = { to: { kind: 'int', value: elementType.INT32 } } as const;
  return graph.node('Cast', { inputs: [input], output, attributes });
}

function windowAttributes(window: Window) {
  const ints = (...value: number[]) => ({ kind: 'ints', value }) as const;
  return {
    kernel_shape: ints(window.kernelRows, window.kernelColumns),
    strides: ints(window.strideRows, window.strideColumns),
    dilations: ints(window.dilationRows, window.dilationColumns),
    pads: ints(window.padTop, window.padLeft, window.padBottom, window.padRight),
  };
}

/** Names of a map's own constants and steps; shared constants stand under `//` alone. */
function namesIn(map: string): (part: string) => string {
  return (part) => `${map}//${part}`;
}

function unitScale(graph: CanonicalGraph): string {
  return scalar(graph, '//unit-scale', Float32Array.of(1));
}

/** An int8 scalar, shared by all who need that value. */
function zeroPoint(graph: CanonicalGraph, value: number): string {
  return scalar(graph, `//int8/${value}`, Int8Array.of(value));
}

function scalar(graph: CanonicalGraph, name: string, value: Int8Array | Int32Array | Float32Array): string {
  return graph.constant(name, value, []);
}

function integers(graph: CanonicalGraph, name: string, values: readonly number[]): string {
  return graph.constant(name, BigInt64Array.from(values, BigInt));
}
