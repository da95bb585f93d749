import { SluiceError } from '../../contract/errors.ts';
import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { quoted } from '../quoted.ts';
import type { LoweredLayer } from './lower.ts';

/** Where a layer's activations stand on chip and its constants in the weight section. */
export interface Placement {
  /** First activation word of the input and of the output. */
  inputAddress: number;
  outputAddress: number;
  /** First byte of the tiles and of the parameter records. */
  tilesOffset: number;
  parametersOffset: number;
}

/** Placement of every layer and the size of the weight section they fill. */
export interface Allocation {
  placements: readonly Placement[];
  weightsBytes: number;
}

/**
 * Activations stay on chip and alternate between the two ends of the memory, so a layer never writes over
 * what it reads. Throws `model_unsupported` naming the layer and the sizes when both do not fit at once.
 */
export function allocate(layers: readonly LoweredLayer[], configuration: HardwareConfiguration): Allocation {
  const { activationWords, name } = configuration;
  const placements: Placement[] = [];
  let weightsBytes = 0;
  for (const [index, layer] of layers.entries()) {
    const { inputBlocks, outputBlocks } = layer;
    if (inputBlocks + outputBlocks > activationWords) {
      const needed = `its input and output need ${inputBlocks} and ${outputBlocks} activation words`;
      throw new SluiceError(
        'model_unsupported',
        `layer ${quoted(layer.name)}: ${needed}, configuration ${name} has ${activationWords}`,
      );
    }
    const tilesOffset = weightsBytes;
    const parametersOffset = tilesOffset + layer.tiles.length;
    weightsBytes = parametersOffset + layer.parameters.length;
    const fromFront = index % 2 === 0;
    placements.push({
      inputAddress: fromFront ? 0 : activationWords - inputBlocks,
      outputAddress: fromFront ? activationWords - outputBlocks : 0,
      tilesOffset,
      parametersOffset,
    });
  }
  return { placements, weightsBytes };
}
