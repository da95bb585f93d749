import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { encodeInstructions } from '../../contract/npu/instructions.ts';
import { encodeProgram } from '../../contract/npu/program.ts';
import { checkTokens } from '../backend/check-tokens.ts';
import { emitProgram } from '../backend/emit.ts';
import { type LayerCost, layerCosts } from '../backend/layer-costs.ts';
import { lowerNetwork } from '../backend/lower.ts';
import { type MemoryMap, mapMemory } from '../backend/memory-map.ts';
import { type BlockedMap, type LoweredNetwork, linesOf } from '../backend/operations.ts';
import { type Schedule, scheduleNetwork } from '../backend/schedule.ts';
import { blockedBytes } from './layout.ts';
import type { FeatureMap, Network } from './network.ts';

/** Where a network's input or output lies in its region (layout.ts has the order of its bytes). */
export interface RegionTensor extends FeatureMap {
  offsetBytes: number;
  /** Bytes in blocks, padding lanes included. */
  bytes: number;
}

/** Where a map between layers lies: on chip as a whole, or in the arena. */
export interface MapPlacement {
  name: string;
  /** First line in activation memory, when it stays there. */
  address?: number;
  lines: number;
  /** First byte in the arena, when it is spilled. */
  arenaOffset?: number;
}

/** Layers computed together, tile by tile. */
export interface GroupPlan {
  layers: readonly string[];
  tile: { blocks: number; rows: number; columns: number };
  /** Estimated clocks. */
  clocks: number;
}

/** A network as a program. */
export interface CompiledNetwork {
  /** Program file (contract/npu/program.ts) that computes one item. */
  program: Uint8Array;
  inputs: RegionTensor[];
  outputs: RegionTensor[];
  /** What each layer costs, in the network's order. */
  layers: LayerCost[];
  groups: GroupPlan[];
  memory: { weightsBytes: number; arenaBytes: number; maps: MapPlacement[] };
  instructionCount: number;
}

/**
 * Compiles a network; the same network and configuration give the same bytes. Throws `model_unsupported`
 * naming the layer, the reason and the limit; `model_invalid` for tensors that contradict each other.
 */
export function compileNetwork(network: Network, configuration: HardwareConfiguration): CompiledNetwork {
  const lowered = lowerNetwork(network, configuration);
  return assembleNetwork(network, { lowered, schedule: scheduleNetwork(lowered) });
}

/** The last stage: from a schedule to the program file, its tokens proven. Throws as compileNetwork does. */
function assembleNetwork(
  network: Network,
  { lowered, schedule }: { lowered: LoweredNetwork; schedule: Schedule },
): CompiledNetwork {
  const { configuration } = lowered;
  const memory = mapMemory(lowered, schedule);
  const instructions = emitProgram(schedule, memory);
  checkTokens(instructions, configuration, memory);
  const { weights, inputBytes, outputBytes, arenaBytes, inputs, outputs } = memory;
  const program = encodeProgram({
    hardwareHash: configuration.hash,
    instructions: encodeInstructions(instructions),
    weights,
    inputBytes,
    outputBytes,
    arenaBytes,
  });
  return {
    program,
    inputs: regionTensors(network.inputs, { offsets: inputs, width: configuration.inputParallel }),
    outputs: regionTensors(network.outputs, { offsets: outputs, width: configuration.inputParallel }),
    layers: layerCosts(network, { instructions, configuration }),
    groups: schedule.groups.map(({ group, plan }) => ({
      layers: group.operations.map(({ name }) => name),
      tile: { blocks: plan.blocks, rows: plan.rows, columns: plan.columns },
      clocks: Math.round(plan.clocks),
    })),
    memory: { weightsBytes: weights.length, arenaBytes, maps: mapPlacements(schedule, memory) },
    instructionCount: instructions.length,
  };
}

/** Maps of a region stand in the order of the network's tensors. */
function regionTensors(
  maps: readonly FeatureMap[],
  { offsets, width }: { offsets: ReadonlyMap<BlockedMap, number>; width: number },
): RegionTensor[] {
  const beats = [...offsets.values()];
  return maps.map((map, index) => ({
    ...map,
    offsetBytes: (beats[index] ?? 0) * width,
    bytes: blockedBytes(map, width),
  }));
}

function mapPlacements(schedule: Schedule, memory: MemoryMap): MapPlacement[] {
  const { configuration, residents, lifetimes } = schedule;
  return [...lifetimes.keys()].map((map) => {
    const address = residents.get(map);
    const arena = memory.arena.get(map);
    return {
      name: map.name,
      lines: linesOf(map, configuration),
      ...(address === undefined ? {} : { address }),
      ...(arena === undefined ? {} : { arenaOffset: arena * configuration.inputParallel }),
    };
  });
}
