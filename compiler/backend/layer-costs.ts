import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import type { Instruction } from '../../contract/npu/instructions.ts';
import { transferCycles } from '../estimate/cycles.ts';
import type { Layer, Network } from '../network/network.ts';
import { executeClocks } from './timeline.ts';

/** What one layer of a network costs on the NPU. */
export interface LayerCost {
  name: string;
  kind: Layer['kind'];
  instructions: number;
  /** Clocks of its EXECUTE instructions. */
  executeClocks: number;
  beatsLoaded: number;
  beatsStored: number;
  /** Products that the layer needs, none of idle lanes. */
  multiplyAccumulates: number;
}

/** Sums the instructions of a program up by layers. */
export function layerCosts(
  network: Network,
  options: { instructions: readonly Instruction[]; configuration: HardwareConfiguration },
): LayerCost[] {
  const { instructions, configuration } = options;
  const costs = network.layers.map(
    (layer): LayerCost => ({
      name: layer.name,
      kind: layer.kind,
      instructions: 0,
      executeClocks: 0,
      beatsLoaded: 0,
      beatsStored: 0,
      multiplyAccumulates: productsOf(layer),
    }),
  );
  for (const instruction of instructions) {
    const cost = costs[instruction.layer];
    if (cost === undefined) continue;
    cost.instructions += 1;
    cost.executeClocks += executeClocks(instruction, configuration);
    if (instruction.operation === 'LOAD')
      cost.beatsLoaded += transferCycles(instruction, configuration).beats;
    if (instruction.operation === 'STORE')
      cost.beatsStored += transferCycles(instruction, configuration).beats;
  }
  return costs;
}

function productsOf(layer: Layer): number {
  if (layer.kind !== 'convolution') return 0;
  return (
    (layer.weights.length / layer.output.channels) *
    layer.output.channels *
    layer.output.rows *
    layer.output.columns
  );
}
