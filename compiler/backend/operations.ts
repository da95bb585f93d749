import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import type { AxisWindow } from './ranges.ts';

/** A feature map in blocks of W channels. */
export interface BlockedMap {
  name: string;
  channels: number;
  blocks: number;
  rows: number;
  columns: number;
  /** Where its bytes enter or leave the NPU, if they do. */
  boundary?: 'INPUT' | 'OUTPUT';
}

/** Consecutive channel blocks of a map: what an operation reads or writes. */
export interface View {
  map: BlockedMap;
  firstBlock: number;
  blocks: number;
}

/** Weights and channel records of a convolution, in the order of its output blocks. */
export interface ConvolutionConstants {
  tilesPerBlock: number;
  tiles: Int8Array;
  parameters: Uint8Array;
}

/** Numbers that go into an instruction as they are; those that an operation doesn't use are 0. */
export interface OperationNumbers {
  padValue: number;
  outputZeroPoint: number;
  minimum: number;
  maximum: number;
  multiplier: number;
  shift: number;
  tieWindow: number;
  firstZeroPoint: number;
  secondZeroPoint: number;
}

interface OperationBase {
  /** Index and name of the layer it belongs to. */
  layer: number;
  name: string;
  /** One, or two for ADD and MULTIPLY. */
  inputs: readonly View[];
  output: View;
  rows: AxisWindow;
  columns: AxisWindow;
  numbers: OperationNumbers;
  /** 256 entries each: one that maps outputs, or the two of ADD. */
  tables: readonly Int32Array[];
}

/**
 * CONVOLVE. Output block b reads `inputBlocks` blocks from block `floor(b / outputBlocks) * inputBlocks`
 * on; depthwise has 1 and 1.
 */
export interface ConvolveOperation extends OperationBase {
  kind: 'convolve';
  depthwise: boolean;
  groupInputBlocks: number;
  groupOutputBlocks: number;
  constants: ConvolutionConstants;
}

/** POOL: output block b reads input block b. */
export interface PoolOperation extends OperationBase {
  kind: 'pool';
}

/** ADD or MULTIPLY: every operand block by block, the second perhaps of one pixel. */
export interface ElementwiseOperation extends OperationBase {
  kind: 'add' | 'multiply';
  broadcast: boolean;
}

/** What one EXECUTE instruction computes, or several that share the output among them. */
export type Operation = ConvolveOperation | PoolOperation | ElementwiseOperation;

/** A network as operations, each reading what came before. */
export interface LoweredNetwork {
  configuration: HardwareConfiguration;
  inputs: readonly BlockedMap[];
  outputs: readonly BlockedMap[];
  operations: readonly Operation[];
}

/** The whole of a map. */
export function wholeOf(map: BlockedMap): View {
  return { map, firstBlock: 0, blocks: map.blocks };
}

/** Lines of a map that lies in activation memory as a whole. */
export function linesOf(map: BlockedMap, { pixelParallel }: HardwareConfiguration): number {
  return map.blocks * map.rows * Math.ceil(map.columns / pixelParallel);
}

/** Words of a map, and beats of it in a region. */
export function wordsOf({ blocks, rows, columns }: BlockedMap): number {
  return blocks * rows * columns;
}
