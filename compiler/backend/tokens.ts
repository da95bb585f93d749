import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { instructionLimits } from '../../contract/npu/instructions.generated.ts';
import { type Instruction, noTokens } from '../../contract/npu/instructions.ts';
import { dependenciesOf } from './dependencies.ts';
import { type Span, timelineOf } from './timeline.ts';
import { type Clock, mergeClock, unitOf } from './units.ts';

/** What giving out tokens needs to know besides the instructions. */
export interface TokenContext {
  configuration: HardwareConfiguration;
  regions: { outputBytes: number; arenaBytes: number };
}

/**
 * Gives out the fewest tokens that put every pair of dependent instructions in order. LOAD and STORE share
 * no queue: a load that needs a store goes by way of an EXECUTE instruction between them, the first that
 * is estimated to start when the store is done anyway; where there is none, a copy of one word onto itself
 * is put in. Instructions then stand in the order of their estimated starts, so that fetching them one
 * after the other keeps every unit busy.
 */
export function addTokens(instructions: readonly Instruction[], context: TokenContext): Instruction[] {
  const { configuration, regions } = context;
  let fenced = [...instructions];
  for (;;) {
    const needed = dependenciesOf(fenced, configuration, regions);
    const fences = routeThroughExecute(fenced, needed, configuration);
    if (fences.length === 0) {
      const ordered = inOrderOfStart(fenced, timelineOf(fenced, needed, configuration));
      const neededInOrder = dependenciesOf(ordered, configuration, regions);
      routeThroughExecute(ordered, neededInOrder, configuration);
      return assignTokens(ordered, neededInOrder);
    }
    fenced = insertFences(fenced, fences);
  }
}

/** Whatever an instruction depends on starts before it, so this is an order in which the program is right. */
function inOrderOfStart(instructions: readonly Instruction[], spans: readonly Span[]): Instruction[] {
  const order = [...instructions.keys()].sort(
    (first, second) => (spans[first] as Span).start - (spans[second] as Span).start || first - second,
  );
  return order.map((index) => instructions[index] as Instruction);
}

/** A LOAD that needs a STORE with no EXECUTE instruction between them: program indices. */
interface MissingFence {
  store: number;
  load: number;
}

function routeThroughExecute(
  instructions: readonly Instruction[],
  needed: Clock[],
  configuration: HardwareConfiguration,
): MissingFence[] {
  const missing: MissingFence[] = [];
  const spans = timelineOf(instructions, needed, configuration);
  const indices: [number[], number[], number[]] = [[-1], [-1], [-1]];
  const executes = indices[1];
  for (const [index, instruction] of instructions.entries()) {
    const unit = unitOf(instruction) as 0 | 1 | 2;
    indices[unit].push(index);
    const other = unit === 0 ? 2 : unit === 2 ? 0 : undefined;
    const position = other === undefined ? 0 : (needed[index] as Clock)[other];
    if (other === undefined || position === 0) continue;
    const source = indices[other][position] as number;
    if ((executes.at(-1) as number) < source) {
      if (other === 0) throw new Error('a store needs a load that no instruction reads');
      missing.push({ store: source, load: index });
      continue;
    }
    const done = spans[source]?.end ?? 0;
    const isAfter = (place: number): boolean => place > source && (spans[place]?.start ?? 0) >= done;
    const between = Math.min(firstWhere(executes, isAfter), executes.length - 1);
    const through = needed[executes[between] as number] as Clock;
    through[other] = Math.max(through[other], position);
    (needed[index] as Clock)[1] = Math.max((needed[index] as Clock)[1], between);
  }
  return missing;
}

/** A fence reads and writes the first word that the store reads: it waits for the store by itself. */
function insertFences(instructions: readonly Instruction[], fences: readonly MissingFence[]): Instruction[] {
  const at = new Map(fences.map(({ store, load }) => [load, store]));
  let fenced = -1;
  return instructions.flatMap((instruction, index) => {
    const store = at.get(index);
    if (store === undefined || store <= fenced) return [instruction];
    fenced = store;
    const stored = instructions[store];
    if (stored?.operation !== 'STORE') throw new Error('a fence stands behind a store');
    return [fenceAt(stored.address, stored.layer), instruction];
  });
}

function fenceAt(address: number, layer: number): Instruction {
  return {
    ...noTokens,
    operation: 'POOL',
    layer,
    inputAddress: address,
    outputAddress: address,
    outputRows: 1,
    outputColumns: 1,
    blocks: 1,
    inputRows: 1,
    inputColumns: 1,
    kernelRows: 1,
    kernelColumns: 1,
    strideRows: 1,
    strideColumns: 1,
    dilationRows: 1,
    dilationColumns: 1,
    padTop: 0,
    padLeft: 0,
    inputRowPitch: 1,
    inputBlockPitch: 1,
    outputRowPitch: 1,
    outputBlockPitch: 1,
    padValue: 0,
    minimum: -128,
    maximum: 127,
    upsampleRows: 1,
    upsampleColumns: 1,
    table: 0,
  };
}

/**
 * Follows the program with vector clocks. Needs of a unit only grow, so the n-th token taken from a queue
 * is the n-th put in.
 */
function assignTokens(instructions: readonly Instruction[], needed: readonly Clock[]): Instruction[] {
  const result = instructions.map((instruction) => ({ ...instruction }));
  const clocks: [Clock, Clock, Clock] = [
    [0, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
  ];
  const history: [Instruction[], Instruction[], Instruction[]] = [[], [], []];
  const indices: [number[], number[], number[]] = [[], [], []];
  const known: [Clock[], Clock[], Clock[]] = [[], [], []];
  const queues = new TokenQueues();
  for (const [index, instruction] of result.entries()) {
    const unit = unitOf(instruction) as 0 | 1 | 2;
    const clock = clocks[unit];
    clock[unit] += 1;
    for (const other of neighboursOf(unit)) {
      let position = (needed[index] as Clock)[other];
      if (position <= clock[other]) continue;
      const queue = `${other} to ${unit}`;
      if (queues.isFull(queue, indices[other][position - 1] as number)) position = history[other].length;
      const source = history[other][position - 1] as Instruction;
      if (other < unit) {
        instruction.popPrevious = true;
        source.pushNext = true;
      } else {
        instruction.popNext = true;
        source.pushPrevious = true;
      }
      queues.note(queue, index);
      mergeClock(clock, known[other][position - 1] as Clock);
    }
    history[unit].push(instruction);
    indices[unit].push(index);
    known[unit].push([...clock]);
  }
  return result;
}

/** Index of the first element of which `holds` is true, given that it stays true from there on. */
function firstWhere(values: readonly number[], holds: (value: number) => boolean): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(values[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Counts the tokens that wait in each queue, in program order. */
class TokenQueues {
  /** Program indices of the instructions that take the tokens of each queue. */
  readonly #takers = new Map<string, number[]>();

  /**
   * Whether a token put in by the instruction at index `source` would leave no room in its queue for one
   * more: for that of the instruction right before a taker, which then stands for all tokens between.
   */
  isFull(queue: string, source: number): boolean {
    const takers = this.#takers.get(queue) ?? [];
    const waiting = takers.length - firstWhere(takers, (taker) => taker > source);
    return waiting >= instructionLimits.tokenQueueDepth - 1;
  }

  /** Records a token that the instruction at index `taker` takes. */
  note(queue: string, taker: number): void {
    const takers = this.#takers.get(queue);
    if (takers === undefined) this.#takers.set(queue, [taker]);
    else takers.push(taker);
  }
}

function neighboursOf(unit: 0 | 1 | 2): readonly (0 | 1 | 2)[] {
  return ([[1], [0, 2], [1]] as const)[unit];
}
