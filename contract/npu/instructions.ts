import { SluiceError } from '../errors.ts';
import {
  gemmFields,
  headerFields,
  memoryCodes,
  operationCodes,
  regionCodes,
  signedFields,
  transferFields,
  unitCodes,
} from './instructions.generated.ts';
import { programLayout } from './program.ts';

/** Name of an on-chip memory. */
export type MemoryName = keyof typeof memoryCodes;
/** Name of an off-chip region. */
export type RegionName = keyof typeof regionCodes;

/**
 * What every instruction carries. A unit waits for one token of each queue it pops, and hands one token
 * to each queue it pushes when it is done. Previous and next follow LOAD, EXECUTE, STORE: LOAD has no
 * previous unit, STORE no next one.
 */
export interface InstructionControl {
  popPrevious: boolean;
  popNext: boolean;
  pushPrevious: boolean;
  pushNext: boolean;
  /** Index of the layer it belongs to, for traces; 0 to 65,535. */
  layer: number;
}

/**
 * LOAD copies `rows` rows of `rowBeats` beats of 16 bytes from a region to on-chip memory; STORE is the
 * reverse, from ACTIVATION only. LOAD runs in the unit LOAD, STORE in the unit STORE. A word of
 * ACTIVATION is 1 beat, a word of WEIGHT (one tile, `tile[outputLane][inputLane]`) is 16 beats, a word
 * of PARAMETER (one channel record) is 1 beat.
 */
export interface TransferInstruction extends InstructionControl {
  operation: 'LOAD' | 'STORE';
  region: RegionName;
  memory: MemoryName;
  /** First beat within the region. */
  dramOffset: number;
  rows: number;
  rowBeats: number;
  /** Beats from the start of one row to the start of the next. */
  dramPitchBeats: number;
  /** First word on chip. */
  sramAddress: number;
  /** Words from the start of one row to the start of the next. */
  sramPitch: number;
}

/**
 * For each row r and output block o, in the unit EXECUTE:
 * `sum[lane] = Σ tile[weightAddress + o·inputBlocks + i][lane][input] · activation[activationAddress + r·activationPitch + i][input]`
 * over the input blocks i; plus the bias of record `parameterAddress + 16·o + lane`, requantised by that
 * record's scale, plus `outputZeroPoint`, clamped to `minimum` … `maximum`, into the activation word
 * `outputAddress + r·outputPitch + o`.
 */
export interface GemmInstruction extends InstructionControl {
  operation: 'GEMM';
  activationAddress: number;
  weightAddress: number;
  parameterAddress: number;
  outputAddress: number;
  rows: number;
  inputBlocks: number;
  outputBlocks: number;
  activationPitch: number;
  outputPitch: number;
  outputZeroPoint: number;
  minimum: number;
  maximum: number;
}

/** Ends a program, in the unit STORE: all is stored and every token queue is empty. */
export interface FinishInstruction extends InstructionControl {
  operation: 'FINISH';
}

/** One NPU instruction. `unit` and `last` follow from the operation. */
export type Instruction = TransferInstruction | GemmInstruction | FinishInstruction;

/** Control of an instruction that neither takes nor hands out a token, in layer 0. */
export const noTokens: Readonly<InstructionControl> = {
  popPrevious: false,
  popNext: false,
  pushPrevious: false,
  pushNext: false,
  layer: 0,
};

type Field = readonly [word: number, lowBit: number, width: number];
type FieldValues = Record<string, number>;

const unitOf = {
  LOAD: unitCodes.LOAD,
  STORE: unitCodes.STORE,
  GEMM: unitCodes.EXECUTE,
  FINISH: unitCodes.STORE,
} as const satisfies Record<Instruction['operation'], number>;

const bodyFieldsOf: Record<Instruction['operation'], Record<string, Field>> = {
  LOAD: transferFields,
  STORE: transferFields,
  GEMM: gemmFields,
  FINISH: {},
};

/**
 * Writes one instruction: four little-endian 64-bit words. Checks that every field fits its width, not
 * that the program makes sense. Throws `program_invalid` naming the field.
 */
export function encodeInstruction(instruction: Instruction): Uint8Array {
  const bytes = new Uint8Array(programLayout.instructionBytes);
  const view = new DataView(bytes.buffer);
  const { operation } = instruction;
  writeFields(view, operation, headerFields, {
    operation: operationCodes[operation],
    unit: unitOf[operation],
    popPrevious: Number(instruction.popPrevious),
    popNext: Number(instruction.popNext),
    pushPrevious: Number(instruction.pushPrevious),
    pushNext: Number(instruction.pushNext),
    last: Number(operation === 'FINISH'),
    layer: instruction.layer,
  });
  writeFields(view, operation, bodyFieldsOf[operation], bodyValues(instruction));
  return bytes;
}

/** Writes a list of instructions one after the other: the instruction section of a program. */
export function encodeInstructions(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * programLayout.instructionBytes);
  for (const [index, instruction] of instructions.entries()) {
    bytes.set(encodeInstruction(instruction), index * programLayout.instructionBytes);
  }
  return bytes;
}

/**
 * Reads one instruction of 32 bytes. Throws `program_invalid` for an unknown operation, memory or region,
 * a wrong unit or `last` flag, or a reserved bit that is set.
 */
export function decodeInstruction(bytes: Uint8Array): Instruction {
  if (bytes.length !== programLayout.instructionBytes) {
    throw invalid(`${bytes.length} bytes, ${programLayout.instructionBytes} expected`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readFields(view, headerFields);
  const operation = nameOf(operationCodes, header.operation, 'operation');
  const body = readFields(view, bodyFieldsOf[operation]);
  const instruction = assemble(operation, header, body);
  const canonical = encodeInstruction(instruction);
  if (!canonical.every((byte, index) => byte === bytes[index])) {
    throw invalid(`${operation} with a wrong unit, a wrong last flag or a reserved bit set`);
  }
  return instruction;
}

function bodyValues(instruction: Instruction): FieldValues {
  switch (instruction.operation) {
    case 'LOAD':
    case 'STORE': {
      const { dramOffset, rows, rowBeats, dramPitchBeats, sramAddress, sramPitch } = instruction;
      const region = regionCodes[instruction.region];
      const memory = memoryCodes[instruction.memory];
      return { dramOffset, rows, rowBeats, dramPitchBeats, sramAddress, sramPitch, region, memory };
    }
    case 'GEMM': {
      const { operation: _, popPrevious, popNext, pushPrevious, pushNext, layer, ...values } = instruction;
      return values;
    }
    case 'FINISH':
      return {};
  }
}

function assemble(operation: Instruction['operation'], header: FieldValues, body: FieldValues): Instruction {
  const control: InstructionControl = {
    popPrevious: header.popPrevious === 1,
    popNext: header.popNext === 1,
    pushPrevious: header.pushPrevious === 1,
    pushNext: header.pushNext === 1,
    layer: header.layer ?? 0,
  };
  if (operation === 'FINISH') return { ...control, operation };
  if (operation === 'GEMM') {
    return {
      ...control,
      operation,
      ...(body as Omit<GemmInstruction, keyof InstructionControl | 'operation'>),
    };
  }
  const { region, memory, ...numbers } = body;
  return {
    ...control,
    operation,
    ...(numbers as Pick<
      TransferInstruction,
      'dramOffset' | 'rows' | 'rowBeats' | 'dramPitchBeats' | 'sramAddress' | 'sramPitch'
    >),
    region: nameOf(regionCodes, region, 'region'),
    memory: nameOf(memoryCodes, memory, 'memory'),
  };
}

function writeFields(
  view: DataView,
  operation: string,
  fields: Record<string, Field>,
  values: FieldValues,
): void {
  for (const [name, [word, lowBit, width]] of Object.entries(fields)) {
    const value = values[name];
    const [least, most] = isSigned(name) ? [-(2 ** (width - 1)), 2 ** (width - 1) - 1] : [0, 2 ** width - 1];
    if (value === undefined || !Number.isInteger(value) || value < least || value > most) {
      throw invalid(`${operation}.${name} is ${value}, an integer from ${least} to ${most} expected`);
    }
    const bits = BigInt.asUintN(width, BigInt(value)) << BigInt(lowBit);
    view.setBigUint64(word * 8, view.getBigUint64(word * 8, true) | bits, true);
  }
}

function readFields<Name extends string>(
  view: DataView,
  fields: Record<Name, Field>,
): Record<Name, number> & FieldValues {
  const values: FieldValues = {};
  for (const [name, [word, lowBit, width]] of Object.entries<Field>(fields)) {
    const bits = view.getBigUint64(word * 8, true) >> BigInt(lowBit);
    values[name] = Number(isSigned(name) ? BigInt.asIntN(width, bits) : BigInt.asUintN(width, bits));
  }
  return values as Record<Name, number> & FieldValues;
}

function isSigned(name: string): boolean {
  return (signedFields as readonly string[]).includes(name);
}

function nameOf<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  code: number | undefined,
  what: string,
): Name {
  for (const name of Object.keys(codes) as Name[]) if (codes[name] === code) return name;
  throw invalid(`${what} ${code} does not exist`);
}

function invalid(reason: string): SluiceError {
  return new SluiceError('program_invalid', `NPU instruction: ${reason}`);
}
