import { type Extent, summariseAxis } from './axis-summary.ts';
import { type Axis, type Group, outputLength } from './group.ts';
import { packIntoGaps } from './line-space.ts';
import type { Range } from './ranges.ts';
import { type CostContext, estimateClocks, type LoopOptions, type TiledAxes } from './tile-cost.ts';

/** Tile sizes, loop order and buffers of a group. */
export interface TilePlan extends LoopOptions {
  blocks: number;
  rows: number;
  columns: number;
  /** First lines of each source's buffers: none when it is resident, otherwise one or two. */
  sources: readonly (readonly number[])[];
  /** First line of each internal map's buffer. */
  internals: readonly number[];
  /** First lines of the output's buffers; none when it is resident. */
  output: readonly number[];
  /** Estimated clocks. */
  clocks: number;
}

/** What a plan is made for. */
export interface TileContext extends CostContext {
  /** Free lines of activation memory. */
  gaps: readonly Range[];
}

/** Tile sizes tried along an axis, at most. */
const sizesMax = 24;

/**
 * Finds the tile shape with the least estimated clocks whose buffers fit the free lines. Columns are cut
 * only when nothing fits otherwise. Undefined when no shape fits.
 */
export function planTiles(group: Group, context: TileContext): TilePlan | undefined {
  const search = new TileSearch(group, context);
  for (const columns of columnSizes(group, context)) {
    const plan = search.best(columns);
    if (plan !== undefined) return plan;
  }
  return undefined;
}

function columnSizes(group: Group, { configuration }: TileContext): number[] {
  const { pixelParallel } = configuration;
  const whole = outputLength(group, 'columns');
  const lines = Math.ceil(whole / pixelParallel);
  return [
    whole,
    ...sizesOf(lines)
      .slice(1)
      .map((size) => size * pixelParallel),
  ];
}

/** Sizes that cut a length into 1, 2, 3, … tiles, the largest first. */
function sizesOf(length: number): number[] {
  const sizes: number[] = [];
  for (let count = 1; count <= length; count += 1) {
    const size = Math.ceil(length / count);
    if (size !== sizes.at(-1)) sizes.push(size);
  }
  if (sizes.length <= sizesMax) return sizes;
  const step = (sizes.length - 1) / (sizesMax - 1);
  return Array.from({ length: sizesMax }, (_, index) => sizes[Math.round(index * step)] as number);
}

class TileSearch {
  readonly #group: Group;
  readonly #context: TileContext;
  readonly #free: number;

  constructor(group: Group, context: TileContext) {
    this.#group = group;
    this.#context = context;
    this.#free = context.gaps.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  best(columns: number): TilePlan | undefined {
    const column = this.#summary('columns', columns);
    if (column === undefined) return undefined;
    const rowChoices = this.#choices('rows');
    let best: TilePlan | undefined;
    for (const [blocks, block] of this.#choices('blocks')) {
      for (const [rows, row] of rowChoices) {
        const sizes = { blocks, rows, columns };
        const plan = this.#cheapest(sizes, { blocks: block, rows: row, columns: column });
        if (plan !== undefined && plan.clocks < (best?.clocks ?? Number.POSITIVE_INFINITY)) best = plan;
      }
    }
    return best;
  }

  #choices(axis: 'blocks' | 'rows'): [number, TiledAxes['rows']][] {
    return sizesOf(outputLength(this.#group, axis)).flatMap((size) => {
      const summary = this.#summary(axis, size);
      return summary === undefined ? [] : [[size, summary]];
    });
  }

  #summary(axis: Axis, size: number): TiledAxes['rows'] | undefined {
    const { configuration, isResident } = this.#context;
    return summariseAxis(this.#group, { axis, size, configuration, isResident });
  }

  #cheapest(sizes: { blocks: number; rows: number; columns: number }, axes: TiledAxes): TilePlan | undefined {
    const isOneTile = axes.blocks.count * axes.rows.count * axes.columns.count === 1;
    const buffers =
      (isOneTile ? undefined : this.#place(axes, { doubled: true })) ?? this.#place(axes, { doubled: false });
    if (buffers === undefined) return undefined;
    const doubled = isOneTile || buffers.doubled;
    let best: TilePlan | undefined;
    for (const blocksOuter of [false, true]) {
      const loops = { blocksOuter, doubled };
      const clocks = estimateClocks(this.#group, axes, { ...this.#context, loops });
      if (clocks < (best?.clocks ?? Number.POSITIVE_INFINITY)) {
        best = { ...sizes, ...buffers, blocksOuter, doubled, clocks };
      }
    }
    return best;
  }

  /** Finds room for all buffers. */
  #place(
    axes: TiledAxes,
    { doubled }: { doubled: boolean },
  ): (Pick<TilePlan, 'sources' | 'internals' | 'output'> & { doubled: boolean }) | undefined {
    const { isResident, gaps } = this.#context;
    const { sources, internals, output, operations } = this.#group;
    const copies = doubled ? 2 : 1;
    const linesIn = (of: 'outputs' | 'sources' | 'internals', index: number): number =>
      (['blocks', 'rows', 'columns'] as const).reduce(
        (product, axis) => product * (axes[axis][of][index] as Extent).lineMost,
        1,
      );
    const sourceCopies = sources.map((source) => (isResident(source) ? 0 : copies));
    const outputCopies = isResident(output.map) ? 0 : copies;
    const sizes = [
      ...sourceCopies.flatMap((count, index) => Array<number>(count).fill(linesIn('sources', index))),
      ...internals.map((_, index) => linesIn('internals', index)),
      ...Array<number>(outputCopies).fill(linesIn('outputs', operations.length - 1)),
    ];
    if (sizes.reduce((sum, size) => sum + size, 0) > this.#free) return undefined;
    const addresses = packIntoGaps(sizes, gaps);
    if (addresses === undefined) return undefined;
    const take = (count: number): number[] => addresses.splice(0, count);
    return {
      sources: sourceCopies.map(take),
      internals: take(internals.length),
      output: take(outputCopies),
      doubled,
    };
  }
}
