import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import type { Instruction } from '../../contract/npu/instructions.ts';
import { type Access, accessesOf, type Space, visitUnits } from './memory-accesses.ts';
import { type Clock, spaceSizes, unitNames, unitOf } from './units.ts';

/** Who touched each unit of a space last: positions within the NPU's units, from 1; 0 for never. */
interface History {
  writerUnit: Uint8Array;
  writerPosition: Int32Array;
  readerPositions: readonly Int32Array[];
}

/**
 * For each instruction, up to which position of each unit the instructions must be done before it may
 * start: it reads what they wrote, or writes what they read or wrote. FINISH waits for all.
 */
export function dependenciesOf(
  instructions: readonly Instruction[],
  configuration: HardwareConfiguration,
  regions: { outputBytes: number; arenaBytes: number },
): Clock[] {
  const histories = new Map<Space, History>();
  for (const [space, size] of Object.entries(spaceSizes(configuration, regions))) {
    histories.set(space as Space, {
      writerUnit: new Uint8Array(size),
      writerPosition: new Int32Array(size),
      readerPositions: unitNames.map(() => new Int32Array(size)),
    });
  }
  const positions: Clock = [0, 0, 0];
  return instructions.map((instruction) => {
    const unit = unitOf(instruction) as 0 | 1 | 2;
    if (instruction.operation === 'FINISH') return [...positions];
    positions[unit] += 1;
    const needed: Clock = [0, 0, 0];
    for (const access of accessesOf(instruction, configuration)) {
      const history = histories.get(access.space);
      if (history === undefined) continue;
      note(history, {
        access,
        needed,
        unit,
        position: positions[unit],
        pixelParallel: configuration.pixelParallel,
      });
    }
    needed[unit] = 0;
    return needed;
  });
}

function note(
  history: History,
  options: { access: Access; needed: Clock; unit: number; position: number; pixelParallel: number },
): void {
  const { access, needed, unit, position, pixelParallel } = options;
  const { writerUnit, writerPosition, readerPositions } = history;
  visitUnits(access, pixelParallel, (place) => {
    const writer = (writerUnit[place] ?? 0) as 0 | 1 | 2;
    needed[writer] = Math.max(needed[writer], writerPosition[place] ?? 0);
    if (!access.isWrite) {
      (readerPositions[unit] as Int32Array)[place] = position;
      return;
    }
    for (const reader of [0, 1, 2] as const) {
      needed[reader] = Math.max(needed[reader], readerPositions[reader]?.[place] ?? 0);
    }
    writerUnit[place] = unit;
    writerPosition[place] = position;
  });
}
