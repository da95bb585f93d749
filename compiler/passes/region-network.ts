import { onePixelWindow } from '../backend/plain-operations.ts';
import type { FeatureMap, Network } from '../network/network.ts';
import type { QuantisedRegion } from './region.ts';

/** A region's chain of dense layers as 1 x 1 convolutions on maps of one pixel. */
export function networkOfRegion({ layers }: QuantisedRegion): Network {
  const maps = [layers[0]?.inputCount ?? 0, ...layers.map(({ outputCount }) => outputCount)].map(
    (channels, index): FeatureMap => ({ name: `features ${index}`, channels, rows: 1, columns: 1 }),
  );
  return {
    name: 'region',
    inputs: maps.slice(0, 1),
    outputs: maps.slice(-1),
    layers: layers.map((layer, index) => ({
      kind: 'convolution',
      name: layer.name,
      input: maps[index] as FeatureMap,
      output: maps[index + 1] as FeatureMap,
      window: onePixelWindow,
      groups: 1,
      weights: layer.weights,
      bias: layer.bias,
      scales: layer.scales,
      inputZeroPoint: layer.inputZeroPoint,
      outputZeroPoint: layer.outputZeroPoint,
      minimum: layer.minimum,
      maximum: layer.maximum,
    })),
  };
}
