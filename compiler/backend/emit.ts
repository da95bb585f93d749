import { SluiceError } from '../../contract/errors.ts';
import { instructionLimits } from '../../contract/npu/instructions.generated.ts';
import { type Instruction, noTokens, type TransferInstruction } from '../../contract/npu/instructions.ts';
import { emitGroup } from './emit-group.ts';
import type { MemoryMap } from './memory-map.ts';
import { type BlockedMap, wordsOf } from './operations.ts';
import { placeConstants } from './place-constants.ts';
import type { Schedule } from './schedule.ts';
import { addTokens } from './tokens.ts';

/**
 * Writes the program of a schedule: groups in order, tile by tile, each EXECUTE instruction with its loads
 * before and its stores behind it, then the tokens that order them.
 * Throws `model_unsupported` when the program is longer than the NPU takes.
 */
export function emitProgram(schedule: Schedule, memory: MemoryMap): Instruction[] {
  const { configuration } = schedule;
  const work = schedule.groups.flatMap((scheduled) => emitGroup(scheduled, { schedule, memory }));
  const instructions = padOutputs(placeConstants(work, configuration), {
    memory,
    width: configuration.inputParallel,
  });
  const layer = instructions.at(-1)?.layer ?? 0;
  const finished: Instruction[] = [...instructions, { ...noTokens, operation: 'FINISH', layer }];
  checkLength(finished.length);
  const program = addTokens(finished, { configuration, regions: memory });
  checkLength(program.length);
  return program;
}

/** Where a region has half of 16 bytes left, a word is stored there too: every beat of an output is written. */
function padOutputs(
  instructions: readonly Instruction[],
  { memory, width }: { memory: MemoryMap; width: number },
): Instruction[] {
  const ends = [...memory.outputs].map(([map, offset]) => ({ map, end: offset + wordsOf(map) }));
  const unpadded = new Map<number, BlockedMap>();
  for (const { map, end } of ends) if ((end * width) % 16 !== 0) unpadded.set(end, map);
  return instructions.flatMap((instruction) => {
    if (instruction.operation !== 'STORE' || instruction.region !== 'OUTPUT') return [instruction];
    const { dramOffset, blocks, rows, columns, dramBlockPitch, dramRowPitch } = instruction;
    const end = dramOffset + (blocks - 1) * dramBlockPitch + (rows - 1) * dramRowPitch + columns;
    if (!unpadded.delete(end)) return [instruction];
    const padding: TransferInstruction = { ...instruction, dramOffset: end, blocks: 1, rows: 1, columns: 1 };
    return [instruction, padding];
  });
}

function checkLength(count: number): void {
  const { instructionsMax } = instructionLimits;
  if (count <= instructionsMax) return;
  throw new SluiceError(
    'model_unsupported',
    `NPU program: ${count} instructions, at most ${instructionsMax} fit`,
  );
}
