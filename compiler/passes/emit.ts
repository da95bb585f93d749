import { SluiceError } from '../../contract/errors.ts';
import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { instructionLimits, parameterRecordLayout } from '../../contract/npu/instructions.generated.ts';
import { type Instruction, type InstructionControl, noTokens } from '../../contract/npu/instructions.ts';
import { programLayout } from '../../contract/npu/program.ts';
import type { Allocation, Placement } from './allocate.ts';
import type { LoweredLayer } from './lower.ts';
import type { Chunk, TilePlan } from './tile.ts';

/** Everything that the passes before decided. */
export interface Schedule {
  layers: readonly LoweredLayer[];
  plan: TilePlan;
  allocation: Allocation;
  configuration: HardwareConfiguration;
}

/** A chunk with what its instructions need. */
interface ScheduledChunk extends Chunk {
  lowered: LoweredLayer;
  placement: Placement;
  weightAddress: number;
  parameterAddress: number;
  /** Whether its bank held an earlier chunk, and will hold a later one. */
  reusesBank: boolean;
  bankIsReused: boolean;
}

const { beatBytes } = programLayout;

/**
 * Writes the instructions for one item: load the input, then for each chunk load its weights and compute
 * it, then store the output. Loads run one bank ahead of the computation. Tokens:
 * - a GEMM waits for its chunk's loads; the first chunk's token covers the input, loaded before it;
 * - a load into a bank that was used waits until the GEMM that read it is done;
 * - the store waits for the last GEMM, which follows all others in its unit.
 * Throws `model_unsupported` when the program is longer than the NPU takes.
 */
export function emitInstructions(schedule: Schedule): Instruction[] {
  const { layers, plan, allocation } = schedule;
  const chunks = scheduleChunks(schedule);
  const [first] = layers;
  const last = layers.at(-1);
  const lastPlacement = allocation.placements.at(-1);
  if (first === undefined || last === undefined || lastPlacement === undefined) {
    throw new Error('emit: a region without layers');
  }
  const instructions: Instruction[] = [
    transfer(schedule, { operation: 'LOAD', layer: 0, words: first.inputBlocks, address: 0 }),
  ];
  let loaded = 0;
  for (const [index, chunk] of chunks.entries()) {
    for (; loaded < Math.min(index + plan.bankCount, chunks.length); loaded += 1) {
      instructions.push(...loadChunk(schedule, chunks[loaded] ?? chunk));
    }
    instructions.push(computeChunk(chunk, { pushNext: index === chunks.length - 1 }));
  }
  const { outputAddress } = lastPlacement;
  const layer = layers.length - 1;
  instructions.push(
    transfer(schedule, { operation: 'STORE', layer, words: last.outputBlocks, address: outputAddress }),
    { ...noTokens, operation: 'FINISH', layer },
  );
  if (instructions.length > instructionLimits.instructionsMax) {
    const count = `${instructions.length} instructions, at most ${instructionLimits.instructionsMax}`;
    throw new SluiceError('model_unsupported', `NPU program: ${count} fit the NPU`);
  }
  return instructions;
}

function scheduleChunks({ layers, plan, allocation }: Schedule): ScheduledChunk[] {
  return plan.chunks.flatMap((chunk, index) => {
    const lowered = layers[chunk.layer];
    const placement = allocation.placements[chunk.layer];
    if (lowered === undefined || placement === undefined) return [];
    const bank = index % plan.bankCount;
    return {
      ...chunk,
      lowered,
      placement,
      weightAddress: bank * plan.bankTiles,
      parameterAddress: bank * plan.bankRecords,
      reusesBank: index >= plan.bankCount,
      bankIsReused: index + plan.bankCount < plan.chunks.length,
    };
  });
}

/** The input from its region, or the output to its region: one row. */
function transfer(
  { configuration }: Schedule,
  options: { operation: 'LOAD' | 'STORE'; layer: number; words: number; address: number },
): Instruction {
  const { operation, layer, words, address } = options;
  const beats = (words * configuration.block) / beatBytes;
  return {
    ...noTokens,
    popPrevious: operation === 'STORE',
    operation,
    layer,
    region: operation === 'LOAD' ? 'INPUT' : 'OUTPUT',
    memory: 'ACTIVATION',
    dramOffset: 0,
    rows: 1,
    rowBeats: beats,
    dramPitchBeats: beats,
    sramAddress: address,
    sramPitch: words,
  };
}

/** Tiles and parameter records of a chunk: one row for each output block. */
function loadChunk({ configuration }: Schedule, chunk: ScheduledChunk): Instruction[] {
  const { block } = configuration;
  const { lowered, placement } = chunk;
  const tileRowBytes = lowered.inputBlocks * block * block;
  const recordRowBytes = block * parameterRecordLayout.bytes;
  const rows = {
    ...noTokens,
    operation: 'LOAD',
    region: 'WEIGHTS',
    layer: chunk.layer,
    rows: chunk.outputBlocks,
  } as const satisfies InstructionControl & Partial<Instruction>;
  return [
    {
      ...rows,
      popNext: chunk.reusesBank,
      memory: 'WEIGHT',
      dramOffset: (placement.tilesOffset + chunk.firstOutputBlock * tileRowBytes) / beatBytes,
      rowBeats: tileRowBytes / beatBytes,
      dramPitchBeats: tileRowBytes / beatBytes,
      sramAddress: chunk.weightAddress,
      sramPitch: lowered.inputBlocks,
    },
    {
      ...rows,
      pushNext: true,
      memory: 'PARAMETER',
      dramOffset: (placement.parametersOffset + chunk.firstOutputBlock * recordRowBytes) / beatBytes,
      rowBeats: recordRowBytes / beatBytes,
      dramPitchBeats: recordRowBytes / beatBytes,
      sramAddress: chunk.parameterAddress,
      sramPitch: block,
    },
  ];
}

function computeChunk(chunk: ScheduledChunk, options: { pushNext: boolean }): Instruction {
  const { lowered, placement } = chunk;
  return {
    ...noTokens,
    popPrevious: true,
    pushPrevious: chunk.bankIsReused,
    pushNext: options.pushNext,
    operation: 'GEMM',
    layer: chunk.layer,
    activationAddress: placement.inputAddress,
    weightAddress: chunk.weightAddress,
    parameterAddress: chunk.parameterAddress,
    outputAddress: placement.outputAddress + chunk.firstOutputBlock,
    rows: 1,
    inputBlocks: lowered.inputBlocks,
    outputBlocks: chunk.outputBlocks,
    activationPitch: lowered.inputBlocks,
    outputPitch: lowered.outputBlocks,
    outputZeroPoint: lowered.outputZeroPoint,
    minimum: lowered.minimum,
    maximum: lowered.maximum,
  };
}

/** The weight section: each layer's tiles, then its records, in the order of the layers. */
export function emitWeights({ layers, allocation }: Pick<Schedule, 'layers' | 'allocation'>): Uint8Array {
  const weights = new Uint8Array(allocation.weightsBytes);
  for (const [index, { tiles, parameters }] of layers.entries()) {
    const placement = allocation.placements[index];
    if (placement === undefined) continue;
    weights.set(new Uint8Array(tiles.buffer, tiles.byteOffset, tiles.length), placement.tilesOffset);
    weights.set(parameters, placement.parametersOffset);
  }
  return weights;
}
