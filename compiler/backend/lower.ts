import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { additionFields, poolFields } from '../../contract/npu/instructions.generated.ts';
import { fixedScaleOf } from '../../contract/npu/parameters.ts';
import type {
  AddLayer,
  ConvolutionLayer,
  Layer,
  MaximumPoolLayer,
  MultiplyLayer,
  Network,
  PadLayer,
  ResizeLayer,
  TableLayer,
} from '../network/network.ts';
import { lowerConcat, lowerSlice, placeConcats } from './lower-channels.ts';
import { lowerConvolution } from './lower-convolution.ts';
import { fieldMax, lowerWindow } from './lower-window.ts';
import { MapTable } from './map-table.ts';
import { type LoweredNetwork, type Operation, wholeOf } from './operations.ts';
import { copyOperation, type LoweringContext, plainNumbers } from './plain-operations.ts';
import { type AxisWindow, identityWindow } from './ranges.ts';
import { unsupportedLayer } from './refusal.ts';

/**
 * Brings a network into operations on blocks of channels. Throws `model_unsupported` naming the layer and
 * the limit that it crosses, `model_invalid` for tensors that contradict each other.
 */
export function lowerNetwork(network: Network, configuration: HardwareConfiguration): LoweredNetwork {
  if (network.layers.length === 0) {
    throw new SluiceError('model_unsupported', `network ${quoted(network.name)}: has no layers`);
  }
  const maps = new MapTable(network, configuration);
  const inputs = network.inputs.map((input) => {
    const map = maps.create(input, 'INPUT');
    maps.define(input, wholeOf(map));
    return map;
  });
  placeConcats(network, maps, configuration);
  const lowered = network.layers.flatMap((layer, index) =>
    lowerLayer(layer, { configuration, maps, layer: index }),
  );
  const outputs = network.outputs.map((output) => maps.read(output).map);
  const other = outputs.find(({ boundary }) => boundary !== 'OUTPUT');
  if (other !== undefined) {
    throw new SluiceError(
      'model_unsupported',
      `network ${quoted(network.name)}: its input ${quoted(other.name)} is an output too`,
    );
  }
  return { configuration, inputs, outputs, operations: lowered };
}

function lowerLayer(layer: Layer, context: LoweringContext): Operation[] {
  switch (layer.kind) {
    case 'convolution':
      return [lowerConvolutionLayer(layer, context)];
    case 'maximum-pool':
      return [lowerPool(layer, context)];
    case 'table':
      return [lowerTable(layer, context)];
    case 'add':
    case 'multiply':
      return [lowerElementwise(layer, context)];
    case 'resize':
      return [lowerResize(layer, context)];
    case 'pad':
      return [lowerPad(layer, context)];
    case 'concat':
      return lowerConcat(layer, context);
    case 'slice':
      return lowerSlice(layer, context);
  }
}

function lowerConvolutionLayer(layer: ConvolutionLayer, context: LoweringContext): Operation {
  const { minimum, maximum, outputZeroPoint, inputZeroPoint } = layer;
  return {
    kind: 'convolve',
    layer: context.layer,
    name: layer.name,
    inputs: [context.maps.read(layer.input)],
    output: context.maps.write(layer.output),
    ...lowerConvolution(layer, context.configuration),
    numbers: { ...plainNumbers, minimum, maximum, outputZeroPoint, padValue: inputZeroPoint },
    tables: layer.table === undefined ? [] : [Int32Array.from(layer.table)],
  };
}

function lowerPool(layer: MaximumPoolLayer, context: LoweringContext): Operation {
  return {
    kind: 'pool',
    layer: context.layer,
    name: layer.name,
    inputs: [context.maps.read(layer.input)],
    output: context.maps.write(layer.output),
    ...lowerWindow(layer.name, layer.window, layer),
    numbers: { ...plainNumbers, padValue: -128 },
    tables: [],
  };
}

function lowerTable(layer: TableLayer, { maps, layer: index }: LoweringContext): Operation {
  const copy = copyOperation(layer.name, {
    from: maps.read(layer.input),
    to: maps.write(layer.output),
    layer: index,
  });
  return { ...copy, tables: [Int32Array.from(layer.table)] };
}

function lowerElementwise(layer: AddLayer | MultiplyLayer, context: LoweringContext): Operation {
  const { first, second, output, name, minimum, maximum, outputZeroPoint } = layer;
  const { rows, columns, channels } = output;
  const isOne = (map: typeof first): boolean => map.rows === 1 && map.columns === 1;
  const isSame = (map: typeof first): boolean => map.rows === rows && map.columns === columns;
  const broadcast = isOne(second) && !isSame(second);
  if (
    !isSame(first) ||
    !(isSame(second) || broadcast) ||
    [first, second].some((map) => map.channels !== channels)
  ) {
    throw unsupportedLayer(
      name,
      'its operands have other shapes than its output and the second is not one pixel',
    );
  }
  const numbers = { ...plainNumbers, minimum, maximum, outputZeroPoint };
  const common = {
    layer: context.layer,
    name,
    inputs: [context.maps.read(first), context.maps.read(second)],
    output: context.maps.write(output),
    rows: identityWindow(rows),
    columns: identityWindow(columns),
    broadcast,
  };
  if (layer.kind === 'multiply') {
    const { firstZeroPoint, secondZeroPoint } = layer;
    const scale = fixedScaleOf(layer.scale);
    return {
      ...common,
      kind: 'multiply',
      numbers: { ...numbers, ...scale, firstZeroPoint, secondZeroPoint },
      tables: [],
    };
  }
  const { shift, tieWindow } = layer;
  const windowMax = fieldMax(additionFields, 'window');
  if (shift < 1 || shift > 30 || tieWindow < 0 || tieWindow > windowMax) {
    throw unsupportedLayer(
      name,
      `shift ${shift} and window ${tieWindow}; this NPU takes 1 to 30 and 0 to ${windowMax}`,
    );
  }
  return {
    ...common,
    kind: 'add',
    numbers: { ...numbers, shift, tieWindow },
    tables: [layer.firstTerms, layer.secondTerms],
  };
}

function lowerResize(layer: ResizeLayer, { maps, layer: index }: LoweringContext): Operation {
  const { input, output, name, rowFactor, columnFactor } = layer;
  const most = fieldMax(poolFields, 'upsampleRows');
  for (const factor of [rowFactor, columnFactor]) {
    if (Number.isInteger(factor) && factor >= 1 && factor <= most) continue;
    throw unsupportedLayer(
      name,
      `repeats elements ${factor} times; this NPU takes whole factors from 1 to ${most}`,
    );
  }
  if (output.rows !== input.rows * rowFactor || output.columns !== input.columns * columnFactor) {
    throw unsupportedLayer(name, 'its output is not its input times the factors');
  }
  const upsampled = (axis: { input: number; output: number; factor: number }): AxisWindow => ({
    ...identityWindow(axis.output),
    inputSize: axis.input,
    upsample: axis.factor,
  });
  return {
    ...copyOperation(name, { from: maps.read(input), to: maps.write(output), layer: index }),
    rows: upsampled({ input: input.rows, output: output.rows, factor: rowFactor }),
    columns: upsampled({ input: input.columns, output: output.columns, factor: columnFactor }),
  };
}

function lowerPad(layer: PadLayer, { maps, layer: index }: LoweringContext): Operation {
  const { input, output, name, padTop, padLeft, padBottom, padRight, value } = layer;
  const most = { padTop: fieldMax(poolFields, 'padTop'), padLeft: fieldMax(poolFields, 'padLeft') };
  if (padTop > most.padTop || padLeft > most.padLeft) {
    throw unsupportedLayer(
      name,
      `pads by ${padTop} rows and ${padLeft} columns; this NPU takes ${most.padTop}`,
    );
  }
  if (
    output.rows !== input.rows + padTop + padBottom ||
    output.columns !== input.columns + padLeft + padRight
  ) {
    throw unsupportedLayer(name, 'its output is not its input with the padding');
  }
  return {
    ...copyOperation(name, { from: maps.read(input), to: maps.write(output), layer: index }),
    rows: { ...identityWindow(output.rows), inputSize: input.rows, padBefore: padTop },
    columns: { ...identityWindow(output.columns), inputSize: input.columns, padBefore: padLeft },
    numbers: { ...plainNumbers, padValue: value },
  };
}
