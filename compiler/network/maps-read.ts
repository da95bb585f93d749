import type { FeatureMap, Layer } from './network.ts';

/** Maps that a layer reads, in its order. */
export function mapsReadBy(layer: Layer): readonly FeatureMap[] {
  switch (layer.kind) {
    case 'add':
    case 'multiply':
      return [layer.first, layer.second];
    case 'concat':
      return layer.inputs;
    default:
      return [layer.input];
  }
}
