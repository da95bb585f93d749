import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { parameterRecordLayout, tableLayout } from '../../contract/npu/instructions.generated.ts';

/**
 * What a configuration needs of an AMD UltraScale+ or 7-series part: DSP slices and block memories, by the
 * formulas of docs/reference/npu-performance.md. Estimates: no synthesis tool has confirmed them. LUTs and
 * flip-flops are not estimated.
 */

/** Widest word and most words that one block memory holds with one read and one write port. */
interface BlockMemory {
  bits: number;
  words: number;
}

const blockMemories: Record<'bram' | 'uram', BlockMemory> = {
  bram: { bits: 72, words: 512 },
  uram: { bits: 72, words: 4096 },
};
/** With two ports that both read, as the two tables of an ADD need. */
const tableMemory: BlockMemory = { bits: 36, words: 1024 };

/** Multipliers of one requantiser: 32 x 24 bits as ceil(32 / 26) * ceil(24 / 17). */
const requantiseDsp = 4;
/** (a - zero point) * (b - zero point), 9 x 9 bits; its requantiser is the convolution's. */
const elementwiseDsp = 1;
/** Products of int8 that one slice forms in a clock. */
const productsPerDsp = 2;
/** Words that a memory port buffers: bursts in flight times words of a burst, as HLS_MEMORY_PORT asks. */
const portWords = 16 * 64;
const instructionBits = 256;
const byteBits = 8;

/** Parts of one NPU, and what each takes. */
export interface ResourceUse {
  dsp: number;
  /** BRAM of 36 kbit. */
  bram36: number;
  uram: number;
}

/** The sum for all compute units of a board, its parts for one, and the share of the board's part. */
export interface ResourceEstimate {
  label: 'estimated';
  /** One compute unit, by what it is for. */
  parts: Record<
    'array' | 'lanes' | 'weights' | 'activations' | 'parameters' | 'tables' | 'ports',
    ResourceUse
  >;
  total: ResourceUse;
  /** `total` of what the part has, 0 to 1 where it fits; absent where the configuration names no part. */
  fraction?: ResourceUse;
}

/** DSP, BRAM and URAM of a configuration. */
export function estimateResources(configuration: HardwareConfiguration): ResourceEstimate {
  const { board, pixelParallel, vectorParallel, inputParallel, outputParallel } = configuration;
  const wordBits = inputParallel * byteBits;
  const lanes = vectorParallel * outputParallel;
  const none = { dsp: 0, bram36: 0, uram: 0 };
  const parts = {
    array: { ...none, dsp: (inputParallel * outputParallel * pixelParallel) / productsPerDsp },
    lanes: { ...none, dsp: lanes * (requantiseDsp + elementwiseDsp) },
    // LOAD writes a row of a tile in a clock, EXECUTE reads all of them.
    weights: stored(board.weightStorage, outputParallel, wordBits, configuration.weightTiles),
    activations: stored(board.activationStorage, pixelParallel, wordBits, configuration.activationLines),
    parameters: stored(
      'bram',
      outputParallel,
      parameterRecordLayout.bytes * byteBits,
      configuration.parameterBlocks,
    ),
    tables: {
      ...none,
      bram36: lanes * blocksOf(tableMemory, 32, configuration.tableSlots * tableLayout.entries),
    },
    ports: { ...none, bram36: portBlocks(wordBits) },
  };
  const one = Object.values(parts).reduce(sumOf);
  const total = mapUse(one, (value) => value * board.computeUnits);
  const estimate: ResourceEstimate = { label: 'estimated', parts, total };
  if (board.dsp > 0)
    estimate.fraction = mapUse(total, (value, name) => (value === 0 ? 0 : value / board[name]));
  return estimate;
}

/** Banks that are read in the same clock share no block memory. */
function stored(storage: 'bram' | 'uram', banks: number, bits: number, words: number): ResourceUse {
  const blocks = banks * blocksOf(blockMemories[storage], bits, words);
  return { dsp: 0, bram36: storage === 'bram' ? blocks : 0, uram: storage === 'uram' ? blocks : 0 };
}

function blocksOf(memory: BlockMemory, bits: number, words: number): number {
  return Math.ceil(bits / memory.bits) * Math.ceil(words / memory.words);
}

/** Reads of weights, input and arena, writes of output and arena, and the instructions. */
function portBlocks(wordBits: number): number {
  return (
    5 * blocksOf(blockMemories.bram, wordBits, portWords) +
    blocksOf(blockMemories.bram, instructionBits, portWords)
  );
}

function sumOf(first: ResourceUse, second: ResourceUse): ResourceUse {
  return mapUse(first, (value, name) => value + second[name]);
}

function mapUse(use: ResourceUse, change: (value: number, name: keyof ResourceUse) => number): ResourceUse {
  return {
    dsp: change(use.dsp, 'dsp'),
    bram36: change(use.bram36, 'bram36'),
    uram: change(use.uram, 'uram'),
  };
}
