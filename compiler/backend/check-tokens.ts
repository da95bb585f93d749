import { SluiceError } from '../../contract/errors.ts';
import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { instructionLimits } from '../../contract/npu/instructions.generated.ts';
import type { Instruction } from '../../contract/npu/instructions.ts';
import { type Access, accessesOf, type Space, visitUnits } from './memory-accesses.ts';
import { type Clock, mergeClock, spaceSizes, unitNames, unitOf } from './units.ts';

/** Sizes of the regions that a program writes, in bytes. */
export interface RegionSizes {
  outputBytes: number;
  arenaBytes: number;
}

/**
 * Proves that a program may run on units that work at the same time:
 * - in program order every token is there when it is taken and no queue overflows. Units and queues form a
 *   marked graph, where one order that completes means that every order completes: no deadlock;
 * - every word on chip and every beat of the arena is written before it is read, and of two accesses to a
 *   line, tile, block, slot or beat, one of them a write, the tokens and the order within a unit always put
 *   the same one first (vector clocks);
 * - FINISH is the one last instruction, waits for all others and leaves every queue empty, and every beat
 *   of the output has been stored.
 * Throws `program_invalid` naming the instruction.
 */
export function checkTokens(
  instructions: readonly Instruction[],
  configuration: HardwareConfiguration,
  regions: RegionSizes,
): void {
  const checker = new TokenChecker(configuration, regions);
  for (const [index, instruction] of instructions.entries()) checker.take(instruction, index);
  if (instructions.at(-1)?.operation !== 'FINISH') {
    throw new SluiceError('program_invalid', 'NPU program: its last instruction is not FINISH');
  }
}

class TokenChecker {
  readonly #configuration: HardwareConfiguration;
  readonly #spaces = new Map<Space, SpaceHistory>();
  /** Clocks carried by waiting tokens, by `from>to`. */
  readonly #queues = new Map<string, Clock[]>();
  /** Clock of the last instruction of each unit. */
  readonly #clocks: [Clock, Clock, Clock] = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  #finished = false;

  constructor(configuration: HardwareConfiguration, regions: RegionSizes) {
    this.#configuration = configuration;
    for (const [space, size] of Object.entries(spaceSizes(configuration, regions))) {
      this.#spaces.set(space as Space, new SpaceHistory(size));
    }
  }

  take(instruction: Instruction, index: number): void {
    const where = `NPU program: instruction ${index} (${instruction.operation})`;
    const unit = unitOf(instruction) as 0 | 1 | 2;
    if (this.#finished) throw new SluiceError('program_invalid', `${where} stands after FINISH`);
    const clock = this.#clocks[unit];
    clock[unit] += 1;
    if (instruction.popPrevious) this.#pop({ clock, from: unit - 1, to: unit, where });
    if (instruction.popNext) this.#pop({ clock, from: unit + 1, to: unit, where });
    for (const access of accessesOf(instruction, this.#configuration)) {
      this.#touch({ access, clock, unit, where });
    }
    if (instruction.pushPrevious) this.#push({ clock, from: unit, to: unit - 1, where });
    if (instruction.pushNext) this.#push({ clock, from: unit, to: unit + 1, where });
    if (instruction.operation === 'FINISH') this.#finish(clock, where);
  }

  #queue(from: number, to: number, where: string): Clock[] {
    if (unitNames[from] === undefined || unitNames[to] === undefined) {
      throw new SluiceError('program_invalid', `${where}: names a unit beyond the ends of the pipeline`);
    }
    const key = `${from}>${to}`;
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    return queue;
  }

  #pop(options: { clock: Clock; from: number; to: number; where: string }): void {
    const { clock, from, to, where } = options;
    const token = this.#queue(from, to, where).shift();
    if (token === undefined) {
      throw new SluiceError(
        'program_invalid',
        `${where}: waits for a token of ${unitNames[from]} that nothing sends before`,
      );
    }
    mergeClock(clock, token);
  }

  #push(options: { clock: Clock; from: number; to: number; where: string }): void {
    const { clock, from, to, where } = options;
    const queue = this.#queue(from, to, where);
    queue.push([...clock]);
    if (queue.length > instructionLimits.tokenQueueDepth) {
      const depth = instructionLimits.tokenQueueDepth;
      throw new SluiceError(
        'program_invalid',
        `${where}: more than ${depth} tokens wait for ${unitNames[to]}`,
      );
    }
  }

  #touch(options: { access: Access; clock: Clock; unit: 0 | 1 | 2; where: string }): void {
    const { access, clock, unit, where } = options;
    const history = this.#spaces.get(access.space);
    if (history === undefined) return;
    visitUnits(access, this.#configuration.pixelParallel, (place, words) => {
      const problem = access.isWrite
        ? history.write(place, { words, clock, unit })
        : history.read(place, { words, clock, unit });
      if (problem === undefined) return;
      throw new SluiceError('program_invalid', `${where}: ${problem} (${access.space} ${place})`);
    });
  }

  #finish(clock: Clock, where: string): void {
    const left = [...this.#queues.values()].reduce((count, queue) => count + queue.length, 0);
    if (left > 0) throw new SluiceError('program_invalid', `${where}: ${left} tokens are left over`);
    const running = unitNames.find((_, unit) => (clock[unit] ?? 0) < (this.#clocks[unit]?.[unit] ?? 0));
    if (running !== undefined) {
      throw new SluiceError('program_invalid', `${where}: does not wait for ${running}`);
    }
    const missing = this.#spaces.get('OUTPUT')?.firstUnwritten();
    if (missing !== undefined) {
      throw new SluiceError('program_invalid', `${where}: beat ${missing} of OUTPUT is never stored`);
    }
    this.#finished = true;
  }
}

interface Touch {
  words: number;
  clock: Clock;
  unit: 0 | 1 | 2;
}

/** Who wrote each unit last and how many words of it, and how far each NPU unit has read it; 0 for never. */
class SpaceHistory {
  readonly #writerUnit: Uint8Array;
  readonly #writerPosition: Int32Array;
  readonly #wordsWritten: Uint8Array;
  readonly #readPositions: readonly Int32Array[];

  constructor(size: number) {
    this.#writerUnit = new Uint8Array(size);
    this.#writerPosition = new Int32Array(size);
    this.#wordsWritten = new Uint8Array(size);
    this.#readPositions = unitNames.map(() => new Int32Array(size));
  }

  /** Records a read; what is wrong with it, if anything. */
  read(place: number, { words, clock, unit }: Touch): string | undefined {
    const problem = this.#misplaced(place, clock);
    if (problem !== undefined) return problem;
    if (words > (this.#wordsWritten[place] ?? 0)) return 'reads what nothing wrote';
    (this.#readPositions[unit] as Int32Array)[place] = clock[unit];
    return undefined;
  }

  /** Records a write; what is wrong with it, if anything. */
  write(place: number, { words, clock, unit }: Touch): string | undefined {
    const problem = this.#misplaced(place, clock);
    if (problem !== undefined) return problem;
    for (const reader of [0, 1, 2] as const) {
      if ((this.#readPositions[reader]?.[place] ?? 0) > clock[reader]) {
        return 'no token orders it after an earlier read';
      }
    }
    this.#writerUnit[place] = unit;
    this.#writerPosition[place] = clock[unit];
    this.#wordsWritten[place] = Math.max(this.#wordsWritten[place] ?? 0, words);
    return undefined;
  }

  /** First unit that nothing wrote. */
  firstUnwritten(): number | undefined {
    const index = this.#wordsWritten.indexOf(0);
    return index === -1 ? undefined : index;
  }

  #misplaced(place: number, clock: Clock): string | undefined {
    if (place >= this.#writerUnit.length) return `touches more than the ${this.#writerUnit.length} there are`;
    const writer = (this.#writerUnit[place] ?? 0) as 0 | 1 | 2;
    const isOrdered = (this.#writerPosition[place] ?? 0) <= clock[writer];
    return isOrdered ? undefined : 'no token orders it after an earlier write';
  }
}
