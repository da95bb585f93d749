import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { parameterRecordLayout, tableLayout } from '../../contract/npu/instructions.generated.ts';

/**
 * Clocks that the NPU's units need for one instruction: EXECUTE's exactly as hls/isa/README.md counts
 * them, a transfer's as the timed simulation (native/core/timing) estimates them with the memory to
 * itself. Both are equal to the C++ ones, which test/golden/npu-cycles holds them to.
 */

/** Bursts that a memory port keeps in flight; equal to kOutstandingBursts of native/core/timing. */
const outstandingBursts = 16;

/** The sizes that EXECUTE's clocks depend on. */
export type ArraySizes = Pick<
  HardwareConfiguration,
  'inputParallel' | 'outputParallel' | 'pixelParallel' | 'vectorParallel'
>;

/** What a transfer's clocks depend on. */
export type PortSizes = Pick<HardwareConfiguration, 'inputParallel' | 'timing'>;

/** The output that an EXECUTE instruction writes, in blocks, rows and columns. */
export interface OutputShape {
  outputBlocks: number;
  outputRows: number;
  outputColumns: number;
}

/** The window of CONVOLVE or POOL. */
export interface WindowShape extends OutputShape {
  kernelRows: number;
  kernelColumns: number;
  strideColumns: number;
}

/** Fields of CONVOLVE that decide its clocks; `inputBlocks` is 1 when depthwise. */
export interface ConvolutionShape extends WindowShape {
  inputBlocks: number;
  depthwise: boolean;
}

/** How EXECUTE walks through one instruction. */
export interface ExecuteCycles {
  tiles: number;
  /** Clocks of the whole instruction: tiles * T + D. The pipeline's fill is not among them. */
  cycles: number;
  /** Products that the array issues, idle lanes included. */
  multiplyAccumulates: number;
}

/** Fields of LOAD and STORE that decide their clocks. */
export interface TransferShape {
  memory: 'ACTIVATION' | 'WEIGHT' | 'PARAMETER' | 'TABLE';
  columns: number;
  rows: number;
  blocks: number;
  dramRowPitch: number;
  dramBlockPitch: number;
}

/** A transfer that has the memory to itself. */
export interface TransferCycles {
  beats: number;
  /** Clocks from the first request to the last beat, when no other unit uses the memory. */
  cycles: number;
}

/** Clocks and products of a CONVOLVE. */
export function convolveCycles(shape: ConvolutionShape, sizes: ArraySizes): ExecuteCycles {
  const steps = shape.kernelRows * shape.kernelColumns * shape.inputBlocks;
  const walked = walk(shape, steps, clocksPerStep(shape.strideColumns, sizes), sizes);
  const lanes = sizes.inputParallel * (shape.depthwise ? 1 : sizes.outputParallel);
  return { ...walked, multiplyAccumulates: walked.tiles * steps * sizes.pixelParallel * lanes };
}

/** Clocks of a POOL. */
export function poolCycles(shape: WindowShape, sizes: ArraySizes): ExecuteCycles {
  const steps = shape.kernelRows * shape.kernelColumns;
  return walk(shape, steps, clocksPerStep(shape.strideColumns, sizes), sizes);
}

/** Clocks of an ADD or MULTIPLY: a step for each operand. */
export function elementwiseCycles(shape: OutputShape, sizes: ArraySizes): ExecuteCycles {
  return walk(shape, 2, 1, sizes);
}

function walk(shape: OutputShape, steps: number, clocks: number, sizes: ArraySizes): ExecuteCycles {
  const drain = Math.ceil(sizes.pixelParallel / sizes.vectorParallel);
  const tiles = shape.outputBlocks * shape.outputRows * Math.ceil(shape.outputColumns / sizes.pixelParallel);
  return { tiles, cycles: tiles * Math.max(steps * clocks, drain) + drain, multiplyAccumulates: 0 };
}

/** Lanes that meet in one bank: columns a stride apart lie in pixelParallel / G banks. */
function clocksPerStep(strideColumns: number, sizes: ArraySizes): number {
  let [greater, smaller] = [sizes.pixelParallel, strideColumns];
  while (smaller !== 0) [greater, smaller] = [smaller, greater % smaller];
  return greater;
}

/** Clocks of a LOAD or STORE: the first beat's latency, then the bursts of its contiguous runs. */
export function transferCycles(shape: TransferShape, sizes: PortSizes): TransferCycles {
  const { memoryLatencyCycles, burstBeatsMax } = sizes.timing;
  const { runs, runBeats } = runsOf(shape, sizes.inputParallel);
  const beatClocks = clocksPerBeat(shape.memory, sizes.inputParallel);
  const rest = runBeats % burstBeatsMax;
  const burstClocks = burstCycles(burstBeatsMax * beatClocks, memoryLatencyCycles);
  const fullClocks = Math.floor(runBeats / burstBeatsMax) * burstClocks;
  const restClocks = rest === 0 ? 0 : burstCycles(rest * beatClocks, memoryLatencyCycles);
  return { beats: runs * runBeats, cycles: memoryLatencyCycles + runs * (fullClocks + restClocks) };
}

/**
 * From one burst's end to the next one's: the clocks in which its beats pass, or its share of the latency when too
 * few are in flight.
 */
function burstCycles(passing: number, latency: number): number {
  return Math.max(passing, Math.ceil((latency + passing) / outstandingBursts));
}

/** Clocks until a beat is written: every copy of the tables takes one entry a clock. */
function clocksPerBeat(memory: TransferShape['memory'], wordBytes: number): number {
  return memory === 'TABLE' ? Math.ceil((wordBytes * tableLayout.entries) / tableLayout.bytes) : 1;
}

/** Contiguous runs of beats in off-chip memory: rows that follow one another without a gap are one. */
function runsOf(shape: TransferShape, wordBytes: number): { runs: number; runBeats: number } {
  const { columns, rows, blocks, dramRowPitch, dramBlockPitch, memory } = shape;
  if (memory !== 'ACTIVATION') return { runs: 1, runBeats: rows * beatsPerItem(memory, wordBytes) };
  if (rows > 1 && dramRowPitch !== columns) return { runs: rows * blocks, runBeats: columns };
  const blockBeats = rows * columns;
  if (blocks > 1 && dramBlockPitch !== blockBeats) return { runs: blocks, runBeats: blockBeats };
  return { runs: 1, runBeats: blocks * blockBeats };
}

function beatsPerItem(memory: 'WEIGHT' | 'PARAMETER' | 'TABLE', wordBytes: number): number {
  if (memory === 'WEIGHT') return wordBytes;
  return memory === 'PARAMETER' ? parameterRecordLayout.bytes : tableLayout.bytes / wordBytes;
}
