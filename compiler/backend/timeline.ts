import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import type { Instruction } from '../../contract/npu/instructions.ts';
import { convolveCycles, elementwiseCycles, poolCycles, transferCycles } from '../estimate/cycles.ts';
import { type Clock, unitOf } from './units.ts';

/** When an instruction starts and ends, in estimated clocks. */
export interface Span {
  start: number;
  end: number;
}

/** Clocks that an instruction keeps its unit busy, without contention for the memory. */
function clocksOf(instruction: Instruction, configuration: HardwareConfiguration): number {
  const { dispatchCycles, executeFillCycles } = configuration.timing;
  switch (instruction.operation) {
    case 'LOAD':
    case 'STORE':
      return dispatchCycles + transferCycles(instruction, configuration).cycles;
    case 'FINISH':
      return dispatchCycles;
    default:
      return dispatchCycles + executeFillCycles + executeClocks(instruction, configuration);
  }
}

/** Clocks of an EXECUTE instruction as its counter has them; 0 for any other. */
export function executeClocks(instruction: Instruction, configuration: HardwareConfiguration): number {
  switch (instruction.operation) {
    case 'CONVOLVE':
      return convolveCycles({ ...instruction, depthwise: instruction.depthwise === 1 }, configuration).cycles;
    case 'POOL':
      return poolCycles({ ...instruction, outputBlocks: instruction.blocks }, configuration).cycles;
    case 'ADD':
    case 'MULTIPLY': {
      const { blocks, rows, columns } = instruction;
      const shape = { outputBlocks: blocks, outputRows: rows, outputColumns: columns };
      return elementwiseCycles(shape, configuration).cycles;
    }
    default:
      return 0;
  }
}

/** Runs a program whose instructions wait for nothing but their dependencies and their unit. */
export function timelineOf(
  instructions: readonly Instruction[],
  dependencies: readonly Clock[],
  configuration: HardwareConfiguration,
): Span[] {
  const ends: [number[], number[], number[]] = [[0], [0], [0]];
  return instructions.map((instruction, index) => {
    const unit = unitOf(instruction) as 0 | 1 | 2;
    const needed = dependencies[index] as Clock;
    const ready = ([0, 1, 2] as const).map((other) => ends[other][needed[other]] ?? 0);
    const start = Math.max(ends[unit].at(-1) ?? 0, ...ready);
    const end = start + clocksOf(instruction, configuration);
    ends[unit].push(end);
    return { start, end };
  });
}
