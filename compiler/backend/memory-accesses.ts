import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import {
  type MemoryName,
  parameterRecordLayout,
  type RegionName,
  tableLayout,
} from '../../contract/npu/instructions.generated.ts';
import type { Instruction, TransferInstruction } from '../../contract/npu/instructions.ts';

/** On-chip memories, and the region that a program both writes and reads or must fill. */
export type Space = MemoryName | RegionName;

/**
 * Rows of units that an instruction reads or writes: lines, tiles, channel blocks, slots or beats. `words`
 * says how many words of each row's lines are touched; in other spaces it equals the units.
 */
export interface Access {
  space: Space;
  isWrite: boolean;
  address: number;
  blocks: number;
  blockPitch: number;
  rows: number;
  rowPitch: number;
  /** Words of a row, P to a line in ACTIVATION. */
  words: number;
}

/** Everything that an instruction touches, reads before writes. */
export function accessesOf(instruction: Instruction, configuration: HardwareConfiguration): Access[] {
  switch (instruction.operation) {
    case 'LOAD':
    case 'STORE':
      return transferAccesses(instruction, configuration);
    case 'CONVOLVE':
      return convolveAccesses(instruction, configuration);
    case 'POOL':
      return [
        inputOf(instruction, instruction.blocks),
        ...tableAccess(instruction.table - 1, instruction.table > 0),
        outputOf(instruction, instruction.blocks),
      ];
    case 'ADD':
      return [
        ...elementwiseAccesses(instruction),
        ...tableAccess(instruction.firstTable, true),
        ...tableAccess(instruction.secondTable, true),
        elementwiseOutput(instruction),
      ];
    case 'MULTIPLY':
      return [...elementwiseAccesses(instruction), elementwiseOutput(instruction)];
    case 'FINISH':
      return [];
  }
}

function sequence(space: Space, options: { address: number; count: number; isWrite: boolean }): Access {
  const { address, count, isWrite } = options;
  return { space, isWrite, address, blocks: 1, blockPitch: count, rows: 1, rowPitch: count, words: count };
}

function transferAccesses(instruction: TransferInstruction, configuration: HardwareConfiguration): Access[] {
  const { memory, region, operation, address, dramOffset, rows, blocks, columns } = instruction;
  const isLoad = operation === 'LOAD';
  if (memory !== 'ACTIVATION') {
    const { inputParallel, outputParallel } = configuration;
    const beats = {
      WEIGHT: outputParallel,
      PARAMETER: parameterRecordLayout.bytes,
      TABLE: tableLayout.bytes / inputParallel,
    }[memory];
    return [
      sequence(region, { address: dramOffset, count: rows * beats, isWrite: false }),
      sequence(memory, { address, count: rows, isWrite: isLoad }),
    ];
  }
  const { rowPitch, blockPitch, dramRowPitch, dramBlockPitch } = instruction;
  const common = { rows, blocks, words: columns };
  const chip = { ...common, space: memory, isWrite: isLoad, address, rowPitch, blockPitch };
  const dram = {
    ...common,
    space: region,
    isWrite: !isLoad,
    address: dramOffset,
    rowPitch: dramRowPitch,
    blockPitch: dramBlockPitch,
  };
  return isLoad ? [dram, chip] : [chip, dram];
}

type WindowInstruction = Extract<Instruction, { operation: 'CONVOLVE' | 'POOL' }>;
type ElementwiseInstruction = Extract<Instruction, { operation: 'ADD' | 'MULTIPLY' }>;

function inputOf(instruction: WindowInstruction, blocks: number): Access {
  const { inputAddress, inputRows, inputColumns, inputRowPitch, inputBlockPitch } = instruction;
  return {
    space: 'ACTIVATION',
    isWrite: false,
    address: inputAddress,
    blocks,
    blockPitch: inputBlockPitch,
    rows: inputRows,
    rowPitch: inputRowPitch,
    words: inputColumns,
  };
}

function outputOf(instruction: WindowInstruction, blocks: number): Access {
  const { outputAddress, outputRows, outputColumns, outputRowPitch, outputBlockPitch } = instruction;
  return {
    space: 'ACTIVATION',
    isWrite: true,
    address: outputAddress,
    blocks,
    blockPitch: outputBlockPitch,
    rows: outputRows,
    rowPitch: outputRowPitch,
    words: outputColumns,
  };
}

function tableAccess(slot: number, isUsed: boolean): Access[] {
  return isUsed ? [sequence('TABLE', { address: slot, count: 1, isWrite: false })] : [];
}

function convolveAccesses(
  instruction: Extract<Instruction, { operation: 'CONVOLVE' }>,
  { inputParallel }: HardwareConfiguration,
): Access[] {
  const { depthwise, inputBlocks, outputBlocks, kernelRows, kernelColumns, table } = instruction;
  const taps = kernelRows * kernelColumns;
  const tiles = outputBlocks * (depthwise ? Math.ceil(taps / inputParallel) : taps * inputBlocks);
  return [
    inputOf(instruction, depthwise ? outputBlocks : inputBlocks),
    sequence('WEIGHT', { address: instruction.weightAddress, count: tiles, isWrite: false }),
    sequence('PARAMETER', { address: instruction.parameterAddress, count: outputBlocks, isWrite: false }),
    ...tableAccess(table - 1, table > 0),
    outputOf(instruction, outputBlocks),
  ];
}

function elementwiseAccesses(instruction: ElementwiseInstruction): Access[] {
  const { rows, columns, blocks, broadcast } = instruction;
  const first: Access = {
    space: 'ACTIVATION',
    isWrite: false,
    address: instruction.firstAddress,
    blocks,
    blockPitch: instruction.firstBlockPitch,
    rows,
    rowPitch: instruction.firstRowPitch,
    words: columns,
  };
  const second: Access = {
    ...first,
    address: instruction.secondAddress,
    blockPitch: instruction.secondBlockPitch,
    rowPitch: instruction.secondRowPitch,
    ...(broadcast ? { rows: 1, words: 1 } : {}),
  };
  return [first, second];
}

function elementwiseOutput(instruction: ElementwiseInstruction): Access {
  const { rows, columns, blocks, outputAddress, outputRowPitch, outputBlockPitch } = instruction;
  return {
    space: 'ACTIVATION',
    isWrite: true,
    address: outputAddress,
    blocks,
    blockPitch: outputBlockPitch,
    rows,
    rowPitch: outputRowPitch,
    words: columns,
  };
}

/**
 * Calls `visit` with every unit of an access and the words of it that are touched, from its first on
 * (more than one only in ACTIVATION, whose units are lines of P words).
 */
export function visitUnits(
  access: Access,
  pixelParallel: number,
  visit: (unit: number, words: number) => void,
): void {
  const { space, address, blocks, blockPitch, rows, rowPitch, words } = access;
  const wordsPerUnit = space === 'ACTIVATION' ? pixelParallel : 1;
  for (let block = 0; block < blocks; block += 1) {
    for (let row = 0; row < rows; row += 1) {
      let unit = address + block * blockPitch + row * rowPitch;
      for (let left = words; left > 0; left -= wordsPerUnit) {
        visit(unit, Math.min(left, wordsPerUnit));
        unit += 1;
      }
    }
  }
}
