import { SluiceError } from '../../contract/errors.ts';
import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { instructionLimits } from '../../contract/npu/instructions.generated.ts';
import type { Instruction } from '../../contract/npu/instructions.ts';
import { type Access, accessesOf, type MemorySizes, memorySizes } from './memory-accesses.ts';

/** Units in the order of the pipeline; a token passes between neighbours. */
const units = ['LOAD', 'EXECUTE', 'STORE'] as const;
const unitOf = { LOAD: 0, GEMM: 1, STORE: 2, FINISH: 2 } as const satisfies Record<
  Instruction['operation'],
  number
>;

/** How many instructions of each unit are known to be done: a vector clock. */
type Clock = [load: number, execute: number, store: number];

/**
 * Proves that a program may run on units that work at the same time:
 * - in program order every token is there when it is taken and no queue overflows. Units and queues form a
 *   marked graph, where one order that completes means that every order completes: no deadlock;
 * - every on-chip word is written before it is read, and of two accesses to a word, one of them a write,
 *   the tokens and the order within a unit always put the same one first (vector clocks);
 * - FINISH is the one last instruction, waits for all others and leaves every queue empty.
 * Throws `program_invalid` naming the instruction.
 */
export function checkTokens(
  instructions: readonly Instruction[],
  configuration: HardwareConfiguration,
): void {
  const checker = new TokenChecker(configuration);
  for (const [index, instruction] of instructions.entries()) checker.take(instruction, index);
  if (instructions.at(-1)?.operation !== 'FINISH') {
    throw new SluiceError('program_invalid', 'NPU program: its last instruction is not FINISH');
  }
}

class TokenChecker {
  readonly #block: number;
  readonly #sizes: MemorySizes;
  readonly #memories: Record<Access['memory'], MemoryHistory>;
  /** Clocks carried by waiting tokens, by `from>to`. */
  readonly #queues = new Map<string, Clock[]>();
  /** Clock of the last instruction of each unit. */
  readonly #clocks: [Clock, Clock, Clock] = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  #finished = false;

  constructor(configuration: HardwareConfiguration) {
    this.#block = configuration.block;
    this.#sizes = memorySizes(configuration);
    this.#memories = {
      ACTIVATION: new MemoryHistory(this.#sizes.ACTIVATION),
      WEIGHT: new MemoryHistory(this.#sizes.WEIGHT),
      PARAMETER: new MemoryHistory(this.#sizes.PARAMETER),
    };
  }

  take(instruction: Instruction, index: number): void {
    const where = `NPU program: instruction ${index} (${instruction.operation})`;
    const unit = unitOf[instruction.operation];
    if (this.#finished) throw new SluiceError('program_invalid', `${where} stands after FINISH`);
    const clock = this.#clocks[unit];
    clock[unit] += 1;
    if (instruction.popPrevious) this.#pop({ clock, from: unit - 1, to: unit, where });
    if (instruction.popNext) this.#pop({ clock, from: unit + 1, to: unit, where });
    for (const access of accessesOf(instruction, this.#block)) this.#touch({ access, clock, unit, where });
    if (instruction.pushPrevious) this.#push({ clock, from: unit, to: unit - 1, where });
    if (instruction.pushNext) this.#push({ clock, from: unit, to: unit + 1, where });
    if (instruction.operation === 'FINISH') this.#finish(clock, where);
  }

  #queue(from: number, to: number, where: string): Clock[] {
    if (units[from] === undefined || units[to] === undefined) {
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
        `${where}: waits for a token of ${units[from]} that nothing sends before`,
      );
    }
    for (const [unit, done] of token.entries()) clock[unit] = Math.max(clock[unit] ?? 0, done);
  }

  #push(options: { clock: Clock; from: number; to: number; where: string }): void {
    const { clock, from, to, where } = options;
    const queue = this.#queue(from, to, where);
    queue.push([...clock]);
    if (queue.length > instructionLimits.tokenQueueDepth) {
      const depth = instructionLimits.tokenQueueDepth;
      throw new SluiceError('program_invalid', `${where}: more than ${depth} tokens wait for ${units[to]}`);
    }
  }

  #touch(options: { access: Access; clock: Clock; unit: number; where: string }): void {
    const { access, clock, unit, where } = options;
    const size = this.#sizes[access.memory];
    const end = access.address + access.words;
    if (end > size) {
      const range = `words ${access.address} to ${end - 1} of ${access.memory}`;
      throw new SluiceError('program_invalid', `${where}: touches ${range}, which has ${size}`);
    }
    for (let word = access.address; word < end; word += 1) {
      const problem = this.#memories[access.memory].touch(word, { clock, unit, isWrite: access.isWrite });
      if (problem !== undefined) {
        throw new SluiceError('program_invalid', `${where}: ${problem} (word ${word} of ${access.memory})`);
      }
    }
  }

  #finish(clock: Clock, where: string): void {
    const left = [...this.#queues.values()].reduce((count, queue) => count + queue.length, 0);
    if (left > 0) throw new SluiceError('program_invalid', `${where}: ${left} tokens are left over`);
    const running = units.find((_, unit) => (clock[unit] ?? 0) < (this.#clocks[unit]?.[unit] ?? 0));
    if (running !== undefined)
      throw new SluiceError('program_invalid', `${where}: does not wait for ${running}`);
    this.#finished = true;
  }
}

/** Who wrote each word last, and how far each unit has read it: positions within the units, 0 for never. */
class MemoryHistory {
  readonly #writerUnit: Uint8Array;
  readonly #writerPosition: Int32Array;
  readonly #readPositions: readonly Int32Array[];

  constructor(words: number) {
    this.#writerUnit = new Uint8Array(words);
    this.#writerPosition = new Int32Array(words);
    this.#readPositions = units.map(() => new Int32Array(words));
  }

  /** Records an access; what is wrong with it, if anything. */
  touch(word: number, options: { clock: Clock; unit: number; isWrite: boolean }): string | undefined {
    const { clock, unit, isWrite } = options;
    const written = this.#writerPosition[word] ?? 0;
    if (written > (clock[this.#writerUnit[word] ?? 0] ?? 0))
      return 'no token orders it after an earlier write';
    if (!isWrite) {
      if (written === 0) return 'reads what nothing wrote';
      const positions = this.#readPositions[unit];
      if (positions !== undefined) positions[word] = clock[unit] ?? 0;
      return undefined;
    }
    const unorderedRead = this.#readPositions.some(
      (positions, reader) => (positions[word] ?? 0) > (clock[reader] ?? 0),
    );
    if (unorderedRead) return 'no token orders it after an earlier read';
    this.#writerUnit[word] = unit;
    this.#writerPosition[word] = clock[unit] ?? 0;
    return undefined;
  }
}
