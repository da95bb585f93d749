import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { convolveCycles, elementwiseCycles, poolCycles } from '../estimate/cycles.ts';
import type { AxisSummary, Extent, IsResident } from './axis-summary.ts';
import { chunkCount } from './chunks.ts';
import type { Axis, Group } from './group.ts';
import type { Operation } from './operations.ts';

/** Tiles of one shape, along every axis. */
export interface TiledAxes {
  blocks: AxisSummary;
  rows: AxisSummary;
  columns: AxisSummary;
}

/** How tiles follow one another and whether the buffers of transfers exist twice. */
export interface LoopOptions {
  /** Blocks change slowest instead of fastest. */
  blocksOuter: boolean;
  doubled: boolean;
}

/** What estimates need to know besides the shape. */
export interface CostContext {
  configuration: HardwareConfiguration;
  isResident: IsResident;
  /** Regions that the group's output is stored to: 0 to 2. */
  storeCount: number;
}

/** Order of the loops, the fastest first. */
function loopOrder({ blocksOuter }: LoopOptions): readonly Axis[] {
  return blocksOuter ? ['columns', 'rows', 'blocks'] : ['blocks', 'columns', 'rows'];
}

/**
 * Words (or lines) over all tiles of what three extents span. Tiles that need the same as the tile before
 * do not count again.
 */
function total(
  axes: TiledAxes,
  extents: Readonly<Record<Axis, Extent>>,
  options: { loops: LoopOptions; unit: 'sum' | 'lineSum' | 'count' },
): number {
  const { loops, unit } = options;
  let product = 1;
  let isCollapsing = true;
  for (const axis of loopOrder(loops)) {
    const extent = extents[axis];
    const { count } = axes[axis];
    const isOnce = isCollapsing && extent.isConstant;
    if (unit === 'count') product *= isOnce ? 1 : count;
    else product *= isOnce ? extent[unit] / count : extent[unit];
    isCollapsing &&= extent.isConstant;
  }
  return product;
}

function extentsOf(axes: TiledAxes, of: 'outputs' | 'sources', index: number): Record<Axis, Extent> {
  const at = (axis: Axis): Extent => axes[axis][of][index] as Extent;
  return { blocks: at('blocks'), rows: at('rows'), columns: at('columns') };
}

/** Clocks of one tile of P columns of an operation, in one block and row. */
function clocksPerLine(operation: Operation, configuration: HardwareConfiguration): number {
  const one = { outputBlocks: 1, outputRows: 1, outputColumns: 1 };
  const two = { ...one, outputRows: 2 };
  const clocks = (shape: typeof one): number => {
    if (operation.kind !== 'convolve' && operation.kind !== 'pool') {
      return elementwiseCycles(shape, configuration).cycles;
    }
    const window = {
      ...shape,
      kernelRows: operation.rows.kernel,
      kernelColumns: operation.columns.kernel,
      strideColumns: operation.columns.stride,
    };
    if (operation.kind === 'pool') return poolCycles(window, configuration).cycles;
    const { depthwise, groupInputBlocks } = operation;
    const inputBlocks = depthwise ? 1 : groupInputBlocks;
    return convolveCycles({ ...window, inputBlocks, depthwise }, configuration).cycles;
  };
  return clocks(two) - clocks(one);
}

function executeClocks(group: Group, axes: TiledAxes, options: CostContext & { loops: LoopOptions }): number {
  const { configuration, loops } = options;
  const { dispatchCycles, executeFillCycles } = configuration.timing;
  const drain = Math.ceil(configuration.pixelParallel / configuration.vectorParallel);
  return group.operations.reduce((sum, operation, index) => {
    const extents = extentsOf(axes, 'outputs', index);
    const lines = total(axes, extents, { loops, unit: 'lineSum' });
    const tiles = total(axes, extents, { loops, unit: 'count' });
    const chunks = chunkCount(operation, { start: 0, end: extents.blocks.most }, configuration);
    const overhead = tiles * chunks * (dispatchCycles + executeFillCycles + drain);
    return sum + lines * clocksPerLine(operation, configuration) + overhead;
  }, 0);
}

function weightBeats(group: Group, axes: TiledAxes, options: CostContext & { loops: LoopOptions }): number {
  const { configuration, loops } = options;
  const { inputParallel, weightTiles } = configuration;
  let bytes = 0;
  let tiles = 0;
  for (const operation of group.operations) {
    if (operation.kind !== 'convolve') continue;
    const { constants } = operation;
    bytes += constants.tiles.length + constants.parameters.length;
    tiles += constants.tilesPerBlock * operation.output.blocks;
  }
  const spatial = axes.rows.count * axes.columns.count;
  const times = loops.blocksOuter || tiles <= weightTiles ? 1 : spatial;
  return (bytes * times) / inputParallel;
}

/** Estimated clocks of a group: its busiest unit, and what of the others nothing overlaps with. */
export function estimateClocks(
  group: Group,
  axes: TiledAxes,
  options: CostContext & { loops: LoopOptions },
): number {
  const { configuration, isResident, storeCount, loops } = options;
  const latency = configuration.timing.memoryLatencyCycles;
  const execute = executeClocks(group, axes, options);
  let loaded = 0;
  for (const [index, source] of group.sources.entries()) {
    if (isResident(source)) continue;
    const extents = extentsOf(axes, 'sources', index);
    loaded += total(axes, extents, { loops, unit: 'sum' });
    loaded += total(axes, extents, { loops, unit: 'count' }) * latency;
  }
  const tiles = axes.blocks.count * axes.rows.count * axes.columns.count;
  const last = extentsOf(axes, 'outputs', group.operations.length - 1);
  const stored = storeCount * (last.blocks.sum * last.rows.sum * last.columns.sum + tiles * latency);
  const constants = weightBeats(group, axes, options);
  if (!loops.doubled) return execute + loaded + stored + constants;
  const busiest = Math.max(execute, loaded + constants, stored);
  return busiest + (execute + loaded + stored - Math.max(execute, loaded, stored)) / tiles;
}
