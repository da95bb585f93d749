import type { RegionName } from '../../contract/npu/instructions.generated.ts';
import { noTokens, type TransferInstruction } from '../../contract/npu/instructions.ts';
import { chunksOf } from './chunks.ts';
import { constantsOf } from './constant-items.ts';
import { type ExecutePart, executeInstruction, type Place } from './execute-instruction.ts';
import { type AxisDemand, demandOf, type Group, outputLength, tilesOf } from './group.ts';
import { type MemoryMap, sourceOf, targetsOf } from './memory-map.ts';
import type { BlockedMap, Operation } from './operations.ts';
import { type InputRange, lengthOf, type Range } from './ranges.ts';
import type { Schedule, ScheduledGroup } from './schedule.ts';
import type { Work } from './work.ts';

/** Blocks, rows and columns of a map. */
interface Box {
  blocks: Range;
  rows: Range;
  columns: Range;
}

/** A part of a map in activation memory. */
interface Stored {
  box: Box;
  place: Place;
}

type Demand = Record<keyof Box, AxisDemand>;

/** Writes the work of one group, tile by tile. */
export function emitGroup(
  scheduled: ScheduledGroup,
  context: { schedule: Schedule; memory: MemoryMap },
): Work[] {
  const emitter = new GroupEmitter(scheduled, context);
  return tileDemands(scheduled).flatMap((demand) => emitter.tile(demand));
}

/** Demands of all tiles in the order of the loops. */
function tileDemands({ group, plan }: ScheduledGroup): Demand[] {
  const along = (axis: keyof Box): AxisDemand[] =>
    tilesOf(outputLength(group, axis), plan[axis]).map((range) => demandOf(group, axis, range));
  const [blocks, rows, columns] = [along('blocks'), along('rows'), along('columns')];
  const pixels = rows.flatMap((row) => columns.map((column) => ({ rows: row, columns: column })));
  return plan.blocksOuter
    ? blocks.flatMap((block) => pixels.map((pixel) => ({ ...pixel, blocks: block })))
    : pixels.flatMap((pixel) => blocks.map((block) => ({ ...pixel, blocks: block })));
}

class GroupEmitter {
  readonly #group: Group;
  readonly #plan: ScheduledGroup['plan'];
  readonly #schedule: Schedule;
  readonly #memory: MemoryMap;
  /** What lies in the buffers of each source and internal map. */
  readonly #held = new Map<BlockedMap, Stored>();
  /** How often each set of buffers has been filled; its buffers take turns. */
  readonly #turns = new Map<readonly number[], number>();

  constructor(scheduled: ScheduledGroup, context: { schedule: Schedule; memory: MemoryMap }) {
    this.#group = scheduled.group;
    this.#plan = scheduled.plan;
    this.#schedule = context.schedule;
    this.#memory = context.memory;
  }

  tile(demand: Demand): Work[] {
    return this.#group.operations.flatMap((operation, index) => {
      const box = boxOf(demand, ({ outputs }) => outputs[index]);
      const { output } = operation;
      const isInternal = this.#group.internals.includes(output.map);
      const held = this.#held.get(output.map);
      if (isInternal && held !== undefined && isSame(held.box, box)) return [];
      const loads = this.#loadSources(operation, demand);
      const stored = this.#outputOf(operation, box);
      const chunks = chunksOf(operation, box.blocks, this.#schedule.configuration);
      return chunks.map((blocks, chunk) => {
        const part = this.#partOf(operation, { index, demand, stored, box: { ...box, blocks } });
        return {
          constants: constantsOf(operation, { blocks, memory: this.#memory, ...this.#schedule }),
          loads: chunk === 0 ? loads : [],
          execute: executeInstruction(operation, part),
          stores: isInternal
            ? []
            : this.#stores(operation, { box: { ...box, blocks }, place: part.output.place }),
        };
      });
    });
  }

  /** Loads what an operation reads and its buffers do not hold yet. */
  #loadSources({ inputs, layer }: Operation, demand: Demand): TransferInstruction[] {
    const maps = new Set(inputs.map(({ map }) => map));
    return [...maps].flatMap((map) => {
      const source = this.#group.sources.indexOf(map);
      const buffers = this.#plan.sources[source];
      if (buffers === undefined || buffers.length === 0) return [];
      const box = boxOf(demand, ({ sources }) => sources[source]);
      const held = this.#held.get(map);
      if (held !== undefined && isSame(held.box, box)) return [];
      const place = this.#buffer(box, buffers);
      this.#held.set(map, { box, place });
      const { region, offset } = sourceOf(map, this.#memory);
      return [transfer(map, { operation: 'LOAD', region, offset, box, place, layer })];
    });
  }

  /** The next of some buffers, filled with a box from its first line on. */
  #buffer(box: Box, buffers: readonly number[]): Place {
    const turn = this.#turns.get(buffers) ?? 0;
    this.#turns.set(buffers, turn + 1);
    const rowPitch = Math.ceil(lengthOf(box.columns) / this.#schedule.configuration.pixelParallel);
    const address = buffers[turn % buffers.length] as number;
    return { address, rowPitch, blockPitch: rowPitch * lengthOf(box.rows) };
  }

  /** Where an operation writes; `box` counts blocks from the beginning of its output view. */
  #outputOf({ output }: Operation, box: Box): Stored {
    const { internals } = this.#group;
    const internal = internals.indexOf(output.map);
    const resident = this.#resident(output.map);
    if (resident !== undefined) {
      const address = resident.place.address + output.firstBlock * resident.place.blockPitch;
      return { ...resident, place: { ...resident.place, address } };
    }
    if (internal === -1) return { box, place: this.#buffer(box, this.#plan.output) };
    const stored = { box, place: this.#buffer(box, [this.#plan.internals[internal] as number]) };
    this.#held.set(output.map, stored);
    return stored;
  }

  #resident(map: BlockedMap): Stored | undefined {
    const address = this.#schedule.residents.get(map);
    if (address === undefined || this.#group.internals.includes(map)) return undefined;
    const { blocks, rows, columns } = map;
    const rowPitch = Math.ceil(columns / this.#schedule.configuration.pixelParallel);
    const whole = (size: number): Range => ({ start: 0, end: size });
    return {
      box: { blocks: whole(blocks), rows: whole(rows), columns: whole(columns) },
      place: { address, rowPitch, blockPitch: rowPitch * rows },
    };
  }

  #partOf(
    operation: Operation,
    options: { index: number; demand: Demand; stored: Stored; box: Box },
  ): ExecutePart {
    const { index, demand, stored, box } = options;
    const { pixelParallel } = this.#schedule.configuration;
    const operands = operation.inputs.map((view, operand) => {
      const source = this.#resident(view.map) ?? this.#held.get(view.map);
      if (source === undefined) throw new Error(`${operation.name} reads what is not on chip`);
      const [rows, columns] = [demand.rows, demand.columns].map(
        ({ operands: ranges }) => ranges[index]?.[operand],
      ) as [InputRange, InputRange];
      const first = view.firstBlock + firstBlockRead(operation, box.blocks.start);
      const start = { block: first, row: rows.start, column: columns.start };
      return { rows, columns, place: placeAt(source, { start, pixelParallel }) };
    });
    const start = { block: box.blocks.start, row: box.rows.start, column: box.columns.start };
    return { output: { ...box, place: placeAt(stored, { start, pixelParallel }) }, operands };
  }

  /** Stores a computed part into every region that its map lies in. */
  #stores({ output, layer }: Operation, { box, place }: Stored): TransferInstruction[] {
    const { map, firstBlock } = output;
    const blocks = { start: box.blocks.start + firstBlock, end: box.blocks.end + firstBlock };
    return targetsOf(map, this.#memory).map(({ region, offset }) =>
      transfer(map, { operation: 'STORE', region, offset, box: { ...box, blocks }, place, layer }),
    );
  }
}

function boxOf(demand: Demand, of: (demand: AxisDemand) => Range | undefined): Box {
  return {
    blocks: of(demand.blocks) as Range,
    rows: of(demand.rows) as Range,
    columns: of(demand.columns) as Range,
  };
}

function isSame(first: Box, second: Box): boolean {
  return (['blocks', 'rows', 'columns'] as const).every(
    (axis) => first[axis].start === second[axis].start && first[axis].end === second[axis].end,
  );
}

/** First input block that output block `block` reads. */
function firstBlockRead(operation: Operation, block: number): number {
  if (operation.kind !== 'convolve' || operation.depthwise) return block;
  return Math.floor(block / operation.groupOutputBlocks) * operation.groupInputBlocks;
}

function placeAt(
  { box, place }: Stored,
  options: { start: { block: number; row: number; column: number }; pixelParallel: number },
): Place {
  const { start, pixelParallel } = options;
  const columns = start.column - box.columns.start;
  if (columns % pixelParallel !== 0) throw new Error('a tile begins in the middle of a line');
  const address =
    place.address +
    (start.block - box.blocks.start) * place.blockPitch +
    (start.row - box.rows.start) * place.rowPitch +
    columns / pixelParallel;
  return { ...place, address };
}

function transfer(
  map: BlockedMap,
  options: {
    operation: 'LOAD' | 'STORE';
    region: RegionName;
    offset: number;
    box: Box;
    place: Place;
    layer: number;
  },
): TransferInstruction {
  const { operation, region, offset, box, place, layer } = options;
  const dramBlockPitch = map.rows * map.columns;
  return {
    ...noTokens,
    operation,
    layer,
    region,
    memory: 'ACTIVATION',
    dramOffset: offset + box.blocks.start * dramBlockPitch + box.rows.start * map.columns + box.columns.start,
    address: place.address,
    columns: lengthOf(box.columns),
    rows: lengthOf(box.rows),
    blocks: lengthOf(box.blocks),
    dramRowPitch: map.columns,
    dramBlockPitch,
    rowPitch: place.rowPitch,
    blockPitch: place.blockPitch,
  };
}
