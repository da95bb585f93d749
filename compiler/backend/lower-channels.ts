import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import type { ConcatLayer, ConvolutionLayer, FeatureMap, Network, SliceLayer } from '../network/network.ts';
import { pixelWindow } from '../network/pixel-window.ts';
import { lowerConvolution } from './lower-convolution.ts';
import type { MapTable } from './map-table.ts';
import type { Operation, View } from './operations.ts';
import { copyOperation, type LoweringContext, plainNumbers } from './plain-operations.ts';
import { unsupportedLayer } from './refusal.ts';

/**
 * Lets the producers of concatenated maps write into the place where they are concatenated, wherever each
 * input begins at a whole block and is free to be a view.
 */
export function placeConcats(network: Network, maps: MapTable, configuration: HardwareConfiguration): void {
  for (const layer of network.layers) {
    if (layer.kind !== 'concat' || !isAligned(layer, configuration) || !maps.isFree(layer.output)) continue;
    const map = maps.create(layer.output);
    maps.place(layer.output, { map, firstBlock: 0, blocks: map.blocks });
    let firstBlock = 0;
    for (const input of layer.inputs) {
      const blocks = Math.ceil(input.channels / configuration.inputParallel);
      if (maps.isFree(input)) maps.place(input, { map, firstBlock, blocks });
      firstBlock += blocks;
    }
  }
}

function isAligned({ inputs }: ConcatLayer, { inputParallel }: HardwareConfiguration): boolean {
  return inputs.slice(0, -1).every(({ channels }) => channels % inputParallel === 0);
}

/** Copies what the producers have not written in place; closes gaps between blocks by a convolution. */
export function lowerConcat(layer: ConcatLayer, context: LoweringContext): Operation[] {
  const { maps, configuration, layer: index } = context;
  const { inputs, output, name } = layer;
  const channels = inputs.reduce((sum, input) => sum + input.channels, 0);
  if (
    channels !== output.channels ||
    inputs.some(({ rows, columns }) => rows !== output.rows || columns !== output.columns)
  ) {
    throw unsupportedLayer(name, 'its inputs do not make up its output');
  }
  const aligned = isAligned(layer, configuration);
  const width = configuration.inputParallel;
  const gathered = aligned ? maps.write(output) : gatheredView(layer, { maps, width });
  const copies: Operation[] = [];
  let firstBlock = 0;
  for (const input of inputs) {
    const from = maps.read(input);
    const to: View = { map: gathered.map, firstBlock, blocks: from.blocks };
    firstBlock += from.blocks;
    const isInPlace = from.map === to.map && from.firstBlock === to.firstBlock;
    if (!isInPlace) copies.push(copyOperation(name, { from, to, layer: index }));
  }
  if (aligned) return copies;
  const sources = inputs.flatMap((input, place) => {
    const before = inputs.slice(0, place).reduce((sum, each) => sum + Math.ceil(each.channels / width), 0);
    return Array.from({ length: input.channels }, (_, channel) => before * width + channel);
  });
  return [...copies, selection({ name, from: gathered, output, sources }, context)];
}

/** A map with every input at the beginning of a block. */
function gatheredView(
  { inputs, output, name }: ConcatLayer,
  options: { maps: MapTable; width: number },
): View {
  const blocks = inputs.reduce((sum, { channels }) => sum + Math.ceil(channels / options.width), 0);
  const map = options.maps.create({ ...output, name: `${name}, inputs`, channels: blocks * options.width });
  return { map, firstBlock: 0, blocks };
}

/** A view where the channels begin at a block and the map may be one; otherwise a copy. */
export function lowerSlice(layer: SliceLayer, context: LoweringContext): Operation[] {
  const { maps, configuration, layer: index } = context;
  const { input, output, name, firstChannel } = layer;
  const width = configuration.inputParallel;
  const last = firstChannel + output.channels;
  if (
    firstChannel < 0 ||
    last > input.channels ||
    input.rows !== output.rows ||
    input.columns !== output.columns
  ) {
    throw unsupportedLayer(name, `takes channels ${firstChannel} to ${last - 1} of ${input.channels}`);
  }
  const whole = maps.read(input);
  const block = Math.floor(firstChannel / width);
  const from = (blocks: number): View => ({ map: whole.map, firstBlock: whole.firstBlock + block, blocks });
  if (firstChannel % width === 0) {
    const view = from(Math.ceil(output.channels / width));
    if (!maps.isFree(output))
      return [copyOperation(name, { from: view, to: maps.write(output), layer: index })];
    maps.define(output, view);
    return [];
  }
  const sources = Array.from(
    { length: output.channels },
    (_, channel) => channel + firstChannel - block * width,
  );
  return [selection({ name, from: from(Math.ceil(last / width) - block), output, sources }, context)];
}

/** A 1 x 1 convolution with one weight of 1 an output: copies input channel `sources[c]` to channel c. */
function selection(
  options: { name: string; from: View; output: FeatureMap; sources: readonly number[] },
  context: LoweringContext,
): Operation {
  const { name, from, output, sources } = options;
  const { maps, configuration, layer: index } = context;
  const inputChannels = from.blocks * configuration.inputParallel;
  const weights = new Int8Array(output.channels * inputChannels);
  for (const [channel, source] of sources.entries()) weights[channel * inputChannels + source] = 1;
  const layer: ConvolutionLayer = {
    kind: 'convolution',
    name,
    input: { ...output, name: from.map.name, channels: inputChannels },
    output,
    window: pixelWindow,
    groups: 1,
    weights,
    bias: new Int32Array(output.channels),
    scales: new Float32Array(output.channels).fill(1),
    inputZeroPoint: 0,
    outputZeroPoint: 0,
    minimum: -128,
    maximum: 127,
  };
  return {
    kind: 'convolve',
    layer: index,
    name,
    inputs: [from],
    output: maps.write(output),
    ...lowerConvolution(layer, configuration),
    numbers: plainNumbers,
    tables: [],
  };
}
