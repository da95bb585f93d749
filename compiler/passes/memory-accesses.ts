import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { parameterRecordLayout } from '../../contract/npu/instructions.generated.ts';
import type {
  GemmInstruction,
  Instruction,
  MemoryName,
  TransferInstruction,
} from '../../contract/npu/instructions.ts';
import { programLayout } from '../../contract/npu/program.ts';

/** Words of each on-chip memory. */
export type MemorySizes = Record<MemoryName, number>;

/** A contiguous range of on-chip words that an instruction reads or writes. */
export interface Access {
  memory: MemoryName;
  address: number;
  words: number;
  isWrite: boolean;
}

/** Words of the on-chip memories of a configuration. */
export function memorySizes(configuration: HardwareConfiguration): MemorySizes {
  return {
    ACTIVATION: configuration.activationWords,
    WEIGHT: configuration.weightTiles,
    PARAMETER: configuration.parameterRecords,
  };
}

/** 16-byte beats of one word of a memory. */
function wordBeats(memory: MemoryName, block: number): number {
  const bytes = { ACTIVATION: block, WEIGHT: block * block, PARAMETER: parameterRecordLayout.bytes }[memory];
  return bytes / programLayout.beatBytes;
}

/** Every range that an instruction touches, reads before writes. */
export function accessesOf(instruction: Instruction, block: number): Access[] {
  switch (instruction.operation) {
    case 'LOAD':
    case 'STORE':
      return transferAccesses(instruction, block);
    case 'GEMM':
      return gemmAccesses(instruction, block);
    case 'FINISH':
      return [];
  }
}

function transferAccesses(instruction: TransferInstruction, block: number): Access[] {
  const { memory, rows, rowBeats, sramAddress, sramPitch, operation } = instruction;
  const words = rowBeats / wordBeats(memory, block);
  const isWrite = operation === 'LOAD';
  return Array.from({ length: rows }, (_, row) => ({
    memory,
    address: sramAddress + row * sramPitch,
    words,
    isWrite,
  }));
}

function gemmAccesses(instruction: GemmInstruction, block: number): Access[] {
  const { rows, inputBlocks, outputBlocks, weightAddress, parameterAddress } = instruction;
  const rowsOf = (address: number, options: { pitch: number; words: number; isWrite: boolean }): Access[] =>
    Array.from({ length: rows }, (_, row) => ({
      memory: 'ACTIVATION',
      address: address + row * options.pitch,
      words: options.words,
      isWrite: options.isWrite,
    }));
  const { activationAddress, activationPitch, outputAddress, outputPitch } = instruction;
  return [
    { memory: 'WEIGHT', address: weightAddress, words: inputBlocks * outputBlocks, isWrite: false },
    { memory: 'PARAMETER', address: parameterAddress, words: outputBlocks * block, isWrite: false },
    ...rowsOf(activationAddress, { pitch: activationPitch, words: inputBlocks, isWrite: false }),
    ...rowsOf(outputAddress, { pitch: outputPitch, words: outputBlocks, isWrite: true }),
  ];
}
