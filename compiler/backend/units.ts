import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { operations, unitCodes } from '../../contract/npu/instructions.generated.ts';
import type { Instruction } from '../../contract/npu/instructions.ts';
import type { Space } from './memory-accesses.ts';

/** Units in the order of the pipeline; a token passes between neighbours. */
export const unitNames = ['LOAD', 'EXECUTE', 'STORE'] as const;

/** How many instructions of each unit are known to be done: a vector clock. */
export type Clock = [load: number, execute: number, store: number];

/** Unit that runs an instruction: 0 LOAD, 1 EXECUTE, 2 STORE. */
export function unitOf({ operation }: Instruction): number {
  return unitCodes[operations[operation].unit];
}

/** Raises a clock to all that another one knows. */
export function mergeClock(clock: Clock, other: Clock): void {
  for (const unit of [0, 1, 2] as const) clock[unit] = Math.max(clock[unit], other[unit]);
}

/** Units of every space that a program writes; regions in beats. */
export function spaceSizes(
  configuration: HardwareConfiguration,
  regions: { outputBytes: number; arenaBytes: number },
): Partial<Record<Space, number>> {
  const { activationLines, weightTiles, parameterBlocks, tableSlots, inputParallel } = configuration;
  return {
    ACTIVATION: activationLines,
    WEIGHT: weightTiles,
    PARAMETER: parameterBlocks,
    TABLE: tableSlots,
    OUTPUT: regions.outputBytes / inputParallel,
    ARENA: regions.arenaBytes / inputParallel,
  };
}
