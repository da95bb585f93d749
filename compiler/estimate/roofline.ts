import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { parameterRecordLayout, tableLayout } from '../../contract/npu/instructions.generated.ts';
import type { ConvolutionLayer, FeatureMap, Layer, Network } from '../network/network.ts';
import { convolveCycles, elementwiseCycles, type OutputShape, poolCycles } from './cycles.ts';

/**
 * Bounds that no schedule of a network can beat: every map stays on chip, transfers hide behind EXECUTE or
 * the other way round, and nothing waits. A tile split or spill only adds to them.
 */

/** The least that a layer asks of the units. */
export interface LayerBound {
  name: string;
  /** Products of the layer's own definition, without idle lanes. */
  multiplyAccumulates: number;
  executeCycles: number;
  /** Clocks in which LOAD brings weights, channel records and tables: one a beat, of tables one an entry. */
  loadCycles: number;
}

/** The least that a network takes. */
export interface NetworkBound {
  layers: LayerBound[];
  multiplyAccumulates: number;
  executeCycles: number;
  /** Those of the layers, and one for each beat of the inputs. */
  loadCycles: number;
  /** The greater of the two. */
  cycles: number;
}

/** Bounds of a network on a configuration. */
export function networkBound(network: Network, configuration: HardwareConfiguration): NetworkBound {
  const layers = network.layers.map((layer) => layerBound(layer, configuration));
  const sum = (value: (layer: LayerBound) => number): number =>
    layers.reduce((total, layer) => total + value(layer), 0);
  const inputBeats = network.inputs.reduce(
    (total, map) => total + blocksOf(map.channels, configuration) * map.rows * map.columns,
    0,
  );
  const executeCycles = sum((layer) => layer.executeCycles);
  const loadCycles = sum((layer) => layer.loadCycles) + inputBeats;
  return {
    layers,
    multiplyAccumulates: sum((layer) => layer.multiplyAccumulates),
    executeCycles,
    loadCycles,
    cycles: Math.max(executeCycles, loadCycles),
  };
}

/** Bounds of one layer. Concat and slice cost nothing: addressing alone may do them. */
export function layerBound(layer: Layer, configuration: HardwareConfiguration): LayerBound {
  const shape = shapeOf(layer.output, configuration);
  const bound = { name: layer.name, multiplyAccumulates: 0, executeCycles: 0, loadCycles: 0 };
  switch (layer.kind) {
    case 'convolution':
      return { ...bound, ...convolutionBound(layer, configuration) };
    case 'maximum-pool':
      return { ...bound, executeCycles: poolCycles({ ...shape, ...layer.window }, configuration).cycles };
    case 'table':
      return { ...bound, executeCycles: copyCycles(shape, configuration), loadCycles: tableLayout.entries };
    case 'resize':
    case 'pad':
      return { ...bound, executeCycles: copyCycles(shape, configuration) };
    case 'add':
      return {
        ...bound,
        executeCycles: elementwiseCycles(shape, configuration).cycles,
        loadCycles: 2 * tableLayout.entries,
      };
    case 'multiply':
      return { ...bound, executeCycles: elementwiseCycles(shape, configuration).cycles };
    case 'concat':
    case 'slice':
      return bound;
  }
}

function convolutionBound(
  layer: ConvolutionLayer,
  configuration: HardwareConfiguration,
): Omit<LayerBound, 'name'> {
  const { input, output, groups, window } = layer;
  const shape = shapeOf(output, configuration);
  const taps = window.kernelRows * window.kernelColumns;
  const depthwise = groups > 1 && groups === input.channels && groups === output.channels;
  // Of other groups, those that share a block of channels share its tiles.
  const inputBlocks = depthwise ? 1 : blocksOf(input.channels / groups, configuration);
  const tilesOfBlock = depthwise ? Math.ceil(taps / configuration.outputParallel) : taps * inputBlocks;
  const beatsOfBlock = tilesOfBlock * configuration.outputParallel + parameterRecordLayout.bytes;
  const { cycles } = convolveCycles({ ...shape, ...window, inputBlocks, depthwise }, configuration);
  return {
    multiplyAccumulates: output.channels * output.rows * output.columns * taps * (input.channels / groups),
    executeCycles: cycles,
    loadCycles: shape.outputBlocks * beatsOfBlock,
  };
}

function copyCycles(shape: OutputShape, configuration: HardwareConfiguration): number {
  return poolCycles({ ...shape, kernelRows: 1, kernelColumns: 1, strideColumns: 1 }, configuration).cycles;
}

function shapeOf(map: FeatureMap, configuration: HardwareConfiguration): OutputShape {
  return {
    outputBlocks: blocksOf(map.channels, configuration),
    outputRows: map.rows,
    outputColumns: map.columns,
  };
}

function blocksOf(channels: number, { inputParallel }: HardwareConfiguration): number {
  return Math.ceil(channels / inputParallel);
}
