// Written by scripts/generate-npu-constants.mjs from hls/isa/instructions.json; change that and run it again.

/** Version of the instruction set; part of every hardware hash. */
export const instructionSetVersion = 1;

/** What an instruction does. */
export const operationCodes = {
  LOAD: 1,
  STORE: 2,
  GEMM: 3,
  FINISH: 31,
} as const;

/** Which unit runs it; tokens pass between neighbours. */
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
} as const;

/** Off-chip regions that a transfer names. */
export const regionCodes = {
  WEIGHTS: 0,
  INPUT: 1,
  OUTPUT: 2,
  ARENA: 3,
} as const;

/** Most instructions of a program, and tokens that one queue holds. */
export const instructionLimits = {
  instructionsMax: 65536,
  tokenQueueDepth: 256,
} as const;

/** Fields of every instruction, as `[64-bit word, lowest bit, width]`. */
export const headerFields = {
  operation: [0, 0, 5],
  unit: [0, 5, 2],
  popPrevious: [0, 7, 1],
  popNext: [0, 8, 1],
  pushPrevious: [0, 9, 1],
  pushNext: [0, 10, 1],
  last: [0, 11, 1],
  layer: [0, 12, 16],
} as const;

/** Fields of LOAD and STORE, as `[64-bit word, lowest bit, width]`. */
export const transferFields = {
  dramOffset: [1, 0, 32],
  region: [1, 32, 3],
  memory: [1, 35, 3],
  sramAddress: [1, 38, 16],
  rows: [2, 0, 14],
  rowBeats: [2, 14, 16],
  dramPitchBeats: [2, 30, 20],
  sramPitch: [2, 50, 14],
} as const;

/** Fields of GEMM, as `[64-bit word, lowest bit, width]`. */
export const gemmFields = {
  activationAddress: [1, 0, 16],
  weightAddress: [1, 16, 16],
  parameterAddress: [1, 32, 12],
  outputAddress: [1, 44, 16],
  rows: [2, 0, 10],
  inputBlocks: [2, 10, 12],
  outputBlocks: [2, 22, 8],
  activationPitch: [2, 30, 14],
  outputPitch: [2, 44, 14],
  outputZeroPoint: [3, 0, 8],
  minimum: [3, 8, 8],
  maximum: [3, 16, 8],
} as const;

/** Fields that hold a two's complement number. */
export const signedFields = ['outputZeroPoint', 'minimum', 'maximum'] as const;

/** Bytes of a channel record and the bounds of its scale. */
export const parameterRecordLayout = {
  bytes: 16,
  multiplierBits: 24,
  shiftMin: 1,
  shiftMax: 63,
} as const;
