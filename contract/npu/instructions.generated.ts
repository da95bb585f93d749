// Written by scripts/generate-npu-constants.mjs from hls/isa/instructions.json; change that and run it again.

/** Version of the instruction set; part of every hardware hash. */
export const instructionSetVersion = 2;

/** Code, unit and format of each operation; tokens pass between neighbouring units. */
export const operations = {
  LOAD: { code: 1, unit: 'LOAD', format: 'transfer' },
  STORE: { code: 2, unit: 'STORE', format: 'transfer' },
  CONVOLVE: { code: 3, unit: 'EXECUTE', format: 'convolution' },
  POOL: { code: 4, unit: 'EXECUTE', format: 'pool' },
  ADD: { code: 5, unit: 'EXECUTE', format: 'addition' },
  MULTIPLY: { code: 6, unit: 'EXECUTE', format: 'multiplication' },
  FINISH: { code: 31, unit: 'STORE', format: 'finish' },
} as const;

/** Units, in the order of their tokens. */
export const unitCodes = {
  LOAD: 0,
  EXECUTE: 1,
  STORE: 2,
} as const;

/** On-chip memories that a transfer names. */
export const memoryCodes = {
  ACTIVATION: 0,
  WEIGHT: 1,
  PARAMETER: 2,
  TABLE: 3,
} as const;

/** Off-chip regions that a transfer names. */
export const regionCodes = {
  WEIGHTS: 0,
  INPUT: 1,
  OUTPUT: 2,
  ARENA: 3,
} as const;

/** Name of an on-chip memory. */
export type MemoryName = keyof typeof memoryCodes;

/** Name of an off-chip region. */
export type RegionName = keyof typeof regionCodes;

/** Most instructions of a program, and tokens that one queue holds. */
export const instructionLimits = {
  instructionsMax: 65536,
  tokenQueueDepth: 256,
} as const;

/** Where a field stands in the 256 bits, and whether it is a two's complement number. */
export interface InstructionField {
  name: string;
  lowBit: number;
  width: number;
  signed: boolean;
}

/** Fields of every instruction. */
export const headerFields: readonly InstructionField[] = [
  { name: 'operation', lowBit: 0, width: 5, signed: false },
  { name: 'popPrevious', lowBit: 5, width: 1, signed: false },
  { name: 'popNext', lowBit: 6, width: 1, signed: false },
  { name: 'pushPrevious', lowBit: 7, width: 1, signed: false },
  { name: 'pushNext', lowBit: 8, width: 1, signed: false },
  { name: 'layer', lowBit: 9, width: 14, signed: false },
];

/** Fields of the format transfer. */
export interface TransferFields {
  /** Off-chip region. */
  region: RegionName;
  /** On-chip memory. */
  memory: MemoryName;
  /** First beat within the region. */
  dramOffset: number;
  /** First line (ACTIVATION), tile (WEIGHT), channel block (PARAMETER) or slot (TABLE). */
  address: number;
  /** Words of a row; 1 for other memories than ACTIVATION. */
  columns: number;
  /** Rows of a block (ACTIVATION), or tiles, channel blocks, slots in sequence. */
  rows: number;
  /** Channel blocks; 1 for other memories than ACTIVATION. */
  blocks: number;
  /** Beats from one row to the next; 0 for other memories than ACTIVATION. */
  dramRowPitch: number;
  /** Beats from one block to the next; 0 for other memories than ACTIVATION. */
  dramBlockPitch: number;
  /** Lines from one row to the next; 0 for other memories than ACTIVATION. */
  rowPitch: number;
  /** Lines from one block to the next; 0 for other memories than ACTIVATION. */
  blockPitch: number;
}

/** Fields of the format convolution. */
export interface ConvolutionFields {
  /** First line of the input. */
  inputAddress: number;
  /** First tile of the weights. */
  weightAddress: number;
  /** First channel block of the parameters. */
  parameterAddress: number;
  /** First line of the output. */
  outputAddress: number;
  /** Rows of the output. */
  outputRows: number;
  /** Columns of the output. */
  outputColumns: number;
  /** Channel blocks of the output. */
  outputBlocks: number;
  /** Channel blocks that one sum covers; 1 when depthwise. */
  inputBlocks: number;
  /** Rows of the input; a tap outside reads padValue. */
  inputRows: number;
  /** Columns of the input; a tap outside reads padValue. */
  inputColumns: number;
  /** Rows of the kernel. */
  kernelRows: number;
  /** Columns of the kernel. */
  kernelColumns: number;
  /** Input rows from one output row to the next. */
  strideRows: number;
  /** Input columns from one output column to the next. */
  strideColumns: number;
  /** Input rows from one tap to the next. */
  dilationRows: number;
  /** Input columns from one tap to the next. */
  dilationColumns: number;
  /** Rows of padding before the first input row. */
  padTop: number;
  /** Columns of padding before the first input column. */
  padLeft: number;
  /** Lines from one input row to the next. */
  inputRowPitch: number;
  /** Lines from one input block to the next. */
  inputBlockPitch: number;
  /** Lines from one output row to the next. */
  outputRowPitch: number;
  /** Lines from one output block to the next. */
  outputBlockPitch: number;
  /** What a tap outside the input reads: the input's zero point. */
  padValue: number;
  /** Added after the rounding. */
  outputZeroPoint: number;
  /** Least output. */
  minimum: number;
  /** Greatest output. */
  maximum: number;
  /** Output channel c reads input channel c alone. */
  depthwise: number;
  /** 0, or 1 + the slot of the table that maps each output. */
  table: number;
}

/** Fields of the format pool. */
export interface PoolFields {
  /** First line of the input. */
  inputAddress: number;
  /** First line of the output. */
  outputAddress: number;
  /** Rows of the output. */
  outputRows: number;
  /** Columns of the output. */
  outputColumns: number;
  /** Channel blocks of input and output. */
  blocks: number;
  /** Rows of the input; a tap outside reads padValue. */
  inputRows: number;
  /** Columns of the input; a tap outside reads padValue. */
  inputColumns: number;
  /** Rows of the window. */
  kernelRows: number;
  /** Columns of the window. */
  kernelColumns: number;
  /** Input rows from one output row to the next. */
  strideRows: number;
  /** Input columns from one output column to the next. */
  strideColumns: number;
  /** Input rows from one tap to the next. */
  dilationRows: number;
  /** Input columns from one tap to the next. */
  dilationColumns: number;
  /** Rows of padding before the first input row. */
  padTop: number;
  /** Columns of padding before the first input column. */
  padLeft: number;
  /** Lines from one input row to the next. */
  inputRowPitch: number;
  /** Lines from one input block to the next. */
  inputBlockPitch: number;
  /** Lines from one output row to the next. */
  outputRowPitch: number;
  /** Lines from one output block to the next. */
  outputBlockPitch: number;
  /** What a tap outside the input reads: -128 for a maximum, the zero point for Pad. */
  padValue: number;
  /** Least output. */
  minimum: number;
  /** Greatest output. */
  maximum: number;
  /** Times that each input row is repeated (nearest resize); above 1 only with a kernel of 1 row. */
  upsampleRows: number;
  /** Times that each input column is repeated; above 1 only with a kernel of 1 column. */
  upsampleColumns: number;
  /** 0, or 1 + the slot of the table that maps each output. */
  table: number;
}

/** Fields of the format addition. */
export interface AdditionFields {
  /** First line of the first operand. */
  firstAddress: number;
  /** First line of the second operand. */
  secondAddress: number;
  /** First line of the output. */
  outputAddress: number;
  /** Rows of the output. */
  rows: number;
  /** Columns of the output. */
  columns: number;
  /** Channel blocks. */
  blocks: number;
  /** Lines from one row of the first operand to the next. */
  firstRowPitch: number;
  /** Lines from one block of the first operand to the next. */
  firstBlockPitch: number;
  /** Lines from one row of the second operand to the next. */
  secondRowPitch: number;
  /** Lines from one block of the second operand to the next. */
  secondBlockPitch: number;
  /** Lines from one output row to the next. */
  outputRowPitch: number;
  /** Lines from one output block to the next. */
  outputBlockPitch: number;
  /** Every pixel takes row 0, column 0 of the second operand. */
  broadcast: number;
  /** Slot of the first operand's terms. */
  firstTable: number;
  /** Slot of the second operand's terms. */
  secondTable: number;
  /** Fraction bits F of the terms, 1 to 30. */
  shift: number;
  /** How far from one half a rest still counts as a tie. */
  window: number;
  /** Added after the rounding. */
  outputZeroPoint: number;
  /** Least output. */
  minimum: number;
  /** Greatest output. */
  maximum: number;
}

/** Fields of the format multiplication. */
export interface MultiplicationFields {
  /** First line of the first operand. */
  firstAddress: number;
  /** First line of the second operand. */
  secondAddress: number;
  /** First line of the output. */
  outputAddress: number;
  /** Rows of the output. */
  rows: number;
  /** Columns of the output. */
  columns: number;
  /** Channel blocks. */
  blocks: number;
  /** Lines from one row of the first operand to the next. */
  firstRowPitch: number;
  /** Lines from one block of the first operand to the next. */
  firstBlockPitch: number;
  /** Lines from one row of the second operand to the next. */
  secondRowPitch: number;
  /** Lines from one block of the second operand to the next. */
  secondBlockPitch: number;
  /** Lines from one output row to the next. */
  outputRowPitch: number;
  /** Lines from one output block to the next. */
  outputBlockPitch: number;
  /** Every pixel takes row 0, column 0 of the second operand. */
  broadcast: number;
  /** Zero point of the first operand. */
  firstZeroPoint: number;
  /** Zero point of the second operand. */
  secondZeroPoint: number;
  /** scale = multiplier * 2^-shift. */
  multiplier: number;
  /** 1 to 63. */
  shift: number;
  /** Added after the rounding. */
  outputZeroPoint: number;
  /** Least output. */
  minimum: number;
  /** Greatest output. */
  maximum: number;
}

/** Where the fields of the format transfer stand. */
export const transferFields: readonly InstructionField[] = [
  { name: 'region', lowBit: 23, width: 3, signed: false },
  { name: 'memory', lowBit: 26, width: 3, signed: false },
  { name: 'dramOffset', lowBit: 29, width: 32, signed: false },
  { name: 'address', lowBit: 61, width: 14, signed: false },
  { name: 'columns', lowBit: 75, width: 14, signed: false },
  { name: 'rows', lowBit: 89, width: 14, signed: false },
  { name: 'blocks', lowBit: 103, width: 10, signed: false },
  { name: 'dramRowPitch', lowBit: 113, width: 16, signed: false },
  { name: 'dramBlockPitch', lowBit: 129, width: 24, signed: false },
  { name: 'rowPitch', lowBit: 153, width: 9, signed: false },
  { name: 'blockPitch', lowBit: 162, width: 14, signed: false },
];

/** Where the fields of the format convolution stand. */
export const convolutionFields: readonly InstructionField[] = [
  { name: 'inputAddress', lowBit: 23, width: 14, signed: false },
  { name: 'weightAddress', lowBit: 37, width: 14, signed: false },
  { name: 'parameterAddress', lowBit: 51, width: 10, signed: false },
  { name: 'outputAddress', lowBit: 61, width: 14, signed: false },
  { name: 'outputRows', lowBit: 75, width: 10, signed: false },
  { name: 'outputColumns', lowBit: 85, width: 10, signed: false },
  { name: 'outputBlocks', lowBit: 95, width: 8, signed: false },
  { name: 'inputBlocks', lowBit: 103, width: 9, signed: false },
  { name: 'inputRows', lowBit: 112, width: 10, signed: false },
  { name: 'inputColumns', lowBit: 122, width: 10, signed: false },
  { name: 'kernelRows', lowBit: 132, width: 6, signed: false },
  { name: 'kernelColumns', lowBit: 138, width: 6, signed: false },
  { name: 'strideRows', lowBit: 144, width: 3, signed: false },
  { name: 'strideColumns', lowBit: 147, width: 3, signed: false },
  { name: 'dilationRows', lowBit: 150, width: 5, signed: false },
  { name: 'dilationColumns', lowBit: 155, width: 5, signed: false },
  { name: 'padTop', lowBit: 160, width: 6, signed: false },
  { name: 'padLeft', lowBit: 166, width: 6, signed: false },
  { name: 'inputRowPitch', lowBit: 172, width: 9, signed: false },
  { name: 'inputBlockPitch', lowBit: 181, width: 14, signed: false },
  { name: 'outputRowPitch', lowBit: 195, width: 9, signed: false },
  { name: 'outputBlockPitch', lowBit: 204, width: 14, signed: false },
  { name: 'padValue', lowBit: 218, width: 8, signed: true },
  { name: 'outputZeroPoint', lowBit: 226, width: 8, signed: true },
  { name: 'minimum', lowBit: 234, width: 8, signed: true },
  { name: 'maximum', lowBit: 242, width: 8, signed: true },
  { name: 'depthwise', lowBit: 250, width: 1, signed: false },
  { name: 'table', lowBit: 251, width: 3, signed: false },
];

/** Where the fields of the format pool stand. */
export const poolFields: readonly InstructionField[] = [
  { name: 'inputAddress', lowBit: 23, width: 14, signed: false },
  { name: 'outputAddress', lowBit: 37, width: 14, signed: false },
  { name: 'outputRows', lowBit: 51, width: 10, signed: false },
  { name: 'outputColumns', lowBit: 61, width: 10, signed: false },
  { name: 'blocks', lowBit: 71, width: 9, signed: false },
  { name: 'inputRows', lowBit: 80, width: 10, signed: false },
  { name: 'inputColumns', lowBit: 90, width: 10, signed: false },
  { name: 'kernelRows', lowBit: 100, width: 6, signed: false },
  { name: 'kernelColumns', lowBit: 106, width: 6, signed: false },
  { name: 'strideRows', lowBit: 112, width: 3, signed: false },
  { name: 'strideColumns', lowBit: 115, width: 3, signed: false },
  { name: 'dilationRows', lowBit: 118, width: 5, signed: false },
  { name: 'dilationColumns', lowBit: 123, width: 5, signed: false },
  { name: 'padTop', lowBit: 128, width: 6, signed: false },
  { name: 'padLeft', lowBit: 134, width: 6, signed: false },
  { name: 'inputRowPitch', lowBit: 140, width: 9, signed: false },
  { name: 'inputBlockPitch', lowBit: 149, width: 14, signed: false },
  { name: 'outputRowPitch', lowBit: 163, width: 9, signed: false },
  { name: 'outputBlockPitch', lowBit: 172, width: 14, signed: false },
  { name: 'padValue', lowBit: 186, width: 8, signed: true },
  { name: 'minimum', lowBit: 194, width: 8, signed: true },
  { name: 'maximum', lowBit: 202, width: 8, signed: true },
  { name: 'upsampleRows', lowBit: 210, width: 4, signed: false },
  { name: 'upsampleColumns', lowBit: 214, width: 4, signed: false },
  { name: 'table', lowBit: 218, width: 3, signed: false },
];

/** Where the fields of the format addition stand. */
export const additionFields: readonly InstructionField[] = [
  { name: 'firstAddress', lowBit: 23, width: 14, signed: false },
  { name: 'secondAddress', lowBit: 37, width: 14, signed: false },
  { name: 'outputAddress', lowBit: 51, width: 14, signed: false },
  { name: 'rows', lowBit: 65, width: 10, signed: false },
  { name: 'columns', lowBit: 75, width: 10, signed: false },
  { name: 'blocks', lowBit: 85, width: 9, signed: false },
  { name: 'firstRowPitch', lowBit: 94, width: 9, signed: false },
  { name: 'firstBlockPitch', lowBit: 103, width: 14, signed: false },
  { name: 'secondRowPitch', lowBit: 117, width: 9, signed: false },
  { name: 'secondBlockPitch', lowBit: 126, width: 14, signed: false },
  { name: 'outputRowPitch', lowBit: 140, width: 9, signed: false },
  { name: 'outputBlockPitch', lowBit: 149, width: 14, signed: false },
  { name: 'broadcast', lowBit: 163, width: 1, signed: false },
  { name: 'firstTable', lowBit: 164, width: 3, signed: false },
  { name: 'secondTable', lowBit: 167, width: 3, signed: false },
  { name: 'shift', lowBit: 170, width: 5, signed: false },
  { name: 'window', lowBit: 175, width: 4, signed: false },
  { name: 'outputZeroPoint', lowBit: 179, width: 8, signed: true },
  { name: 'minimum', lowBit: 187, width: 8, signed: true },
  { name: 'maximum', lowBit: 195, width: 8, signed: true },
];

/** Where the fields of the format multiplication stand. */
export const multiplicationFields: readonly InstructionField[] = [
  { name: 'firstAddress', lowBit: 23, width: 14, signed: false },
  { name: 'secondAddress', lowBit: 37, width: 14, signed: false },
  { name: 'outputAddress', lowBit: 51, width: 14, signed: false },
  { name: 'rows', lowBit: 65, width: 10, signed: false },
  { name: 'columns', lowBit: 75, width: 10, signed: false },
  { name: 'blocks', lowBit: 85, width: 9, signed: false },
  { name: 'firstRowPitch', lowBit: 94, width: 9, signed: false },
  { name: 'firstBlockPitch', lowBit: 103, width: 14, signed: false },
  { name: 'secondRowPitch', lowBit: 117, width: 9, signed: false },
  { name: 'secondBlockPitch', lowBit: 126, width: 14, signed: false },
  { name: 'outputRowPitch', lowBit: 140, width: 9, signed: false },
  { name: 'outputBlockPitch', lowBit: 149, width: 14, signed: false },
  { name: 'broadcast', lowBit: 163, width: 1, signed: false },
  { name: 'firstZeroPoint', lowBit: 164, width: 8, signed: true },
  { name: 'secondZeroPoint', lowBit: 172, width: 8, signed: true },
  { name: 'multiplier', lowBit: 180, width: 24, signed: false },
  { name: 'shift', lowBit: 204, width: 6, signed: false },
  { name: 'outputZeroPoint', lowBit: 210, width: 8, signed: true },
  { name: 'minimum', lowBit: 218, width: 8, signed: true },
  { name: 'maximum', lowBit: 226, width: 8, signed: true },
];

/** Where the fields of the format finish stand. */
export const finishFields: readonly InstructionField[] = [

];

/** Bytes of a channel record and the bounds of its scale. */
export const parameterRecordLayout = {
  bytes: 8,
  multiplierBits: 24,
  shiftMin: 1,
  shiftMax: 63,
} as const;

/** A table: int32 entries, one for each int8 value from -128 on. */
export const tableLayout = {
  entries: 256,
  bytes: 1024,
} as const;

/** Least weight, and most products of one sum. */
export const arithmeticLimits = {
  weightMin: -127,
  productsMax: 132104,
} as const;
