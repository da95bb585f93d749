import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { additionFields, convolutionFields, poolFields } from '../../contract/npu/instructions.generated.ts';
import { fieldMax } from './lower-window.ts';
import type { Operation } from './operations.ts';
import { lengthOf, type Range } from './ranges.ts';

/** Loads shorter than this many tiles are not split: each transfer waits once for the memory. */
const chunkTilesMin = 64;
/** Parts of weight memory that one instruction's weights may fill, so that later ones load meanwhile. */
const weightShares = 4;

/** Most output blocks that one instruction computes. */
function chunkBlocksOf(operation: Operation, configuration: HardwareConfiguration): number {
  if (operation.kind === 'pool') return fieldMax(poolFields, 'blocks');
  if (operation.kind !== 'convolve') return fieldMax(additionFields, 'blocks');
  const { weightTiles, parameterBlocks } = configuration;
  const { tilesPerBlock } = operation.constants;
  const total = tilesPerBlock * operation.output.blocks;
  const wanted = Math.max(Math.ceil(total / weightShares), chunkTilesMin);
  const tiles = Math.min(wanted, Math.floor(weightTiles / weightShares));
  const parameters = Math.max(1, Math.floor(parameterBlocks / weightShares));
  const most = Math.min(fieldMax(convolutionFields, 'outputBlocks'), parameters);
  return Math.min(Math.max(1, Math.floor(tiles / tilesPerBlock)), most);
}

/** Cuts a range of output blocks into those of single instructions, none across two groups of channels. */
export function chunksOf(operation: Operation, range: Range, configuration: HardwareConfiguration): Range[] {
  const most = chunkBlocksOf(operation, configuration);
  const border = borderOf(operation);
  const chunks: Range[] = [];
  for (let start = range.start; start < range.end; ) {
    const group = Math.floor(start / border) * border + border;
    const end = Math.min(start + most, range.end, group);
    chunks.push({ start, end });
    start = end;
  }
  return chunks;
}

/** Instructions that a range of output blocks needs, about. */
export function chunkCount(operation: Operation, range: Range, configuration: HardwareConfiguration): number {
  const border = borderOf(operation);
  return Math.ceil(lengthOf(range) / Math.min(chunkBlocksOf(operation, configuration), border));
}

/** Output blocks that read the same input blocks. */
function borderOf(operation: Operation): number {
  const isDense = operation.kind === 'convolve' && !operation.depthwise;
  return isDense ? operation.groupOutputBlocks : operation.output.blocks;
}
