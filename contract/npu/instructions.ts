import { SluiceError } from '../errors.ts';
import {
  type AdditionFields,
  additionFields,
  type ConvolutionFields,
  convolutionFields,
  finishFields,
  headerFields,
  type InstructionField,
  type MultiplicationFields,
  memoryCodes,
  multiplicationFields,
  operations,
  type PoolFields,
  poolFields,
  regionCodes,
  type TransferFields,
  transferFields,
} from './instructions.generated.ts';
import { programLayout } from './program.ts';

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
  /** Index of the layer it belongs to, for traces; 0 to 16,383. */
  layer: number;
}

/** Copies between a region and on-chip memory; what it computes stands in hls/isa/README.md. */
export interface TransferInstruction extends InstructionControl, TransferFields {
  operation: 'LOAD' | 'STORE';
}

/** Convolution, matrix multiply or average, with requantisation and a table; see hls/isa/README.md. */
export interface ConvolveInstruction extends InstructionControl, ConvolutionFields {
  operation: 'CONVOLVE';
}

/** Maximum over a window, copy, pad, nearest resize or table lookup; see hls/isa/README.md. */
export interface PoolInstruction extends InstructionControl, PoolFields {
  operation: 'POOL';
}

/** Element-wise sum through two tables of terms; see hls/isa/README.md. */
export interface AddInstruction extends InstructionControl, AdditionFields {
  operation: 'ADD';
}

/** Element-wise product, requantised; see hls/isa/README.md. */
export interface MultiplyInstruction extends InstructionControl, MultiplicationFields {
  operation: 'MULTIPLY';
}

/** Ends a program, in the unit STORE: all is stored and every token queue is empty. */
export interface FinishInstruction extends InstructionControl {
  operation: 'FINISH';
}

/** One NPU instruction. Its unit follows from the operation. */
export type Instruction =
  | TransferInstruction
  | ConvolveInstruction
  | PoolInstruction
  | AddInstruction
  | MultiplyInstruction
  | FinishInstruction;

/** Control of an instruction that neither takes nor hands out a token, in layer 0. */
export const noTokens: Readonly<InstructionControl> = {
  popPrevious: false,
  popNext: false,
  pushPrevious: false,
  pushNext: false,
  layer: 0,
};

type Operation = Instruction['operation'];
type FieldValues = Record<string, number | string | boolean>;

const bodyFieldsOf: Record<Operation, readonly InstructionField[]> = {
  LOAD: transferFields,
  STORE: transferFields,
  CONVOLVE: convolutionFields,
  POOL: poolFields,
  ADD: additionFields,
  MULTIPLY: multiplicationFields,
  FINISH: finishFields,
};

/** Fields that stand for names. */
const codesOf: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  operation: Object.fromEntries(Object.entries(operations).map(([name, { code }]) => [name, code])),
  region: regionCodes,
  memory: memoryCodes,
};
const controlNames = ['popPrevious', 'popNext', 'pushPrevious', 'pushNext'] as const;

/**
 * Writes one instruction: 256 bits, little-endian. Checks that every field fits its width, not that the
 * program makes sense. Throws `program_invalid` naming the field.
 */
export function encodeInstruction(instruction: Instruction): Uint8Array {
  const values = instruction as unknown as FieldValues;
  let bits = 0n;
  for (const field of [...headerFields, ...bodyFieldsOf[instruction.operation]]) {
    const value = codeOf(field, values[field.name]);
    const [least, most] = field.signed
      ? [-(2 ** (field.width - 1)), 2 ** (field.width - 1) - 1]
      : [0, 2 ** field.width - 1];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw invalid(
        `${instruction.operation}.${field.name} is ${values[field.name]}, an integer from ${least} to ${most} expected`,
      );
    }
    bits |= BigInt.asUintN(field.width, BigInt(value)) << BigInt(field.lowBit);
  }
  const bytes = new Uint8Array(programLayout.instructionBytes);
  const view = new DataView(bytes.buffer);
  for (let word = 0; word < bytes.length / 8; word += 1) {
    view.setBigUint64(word * 8, BigInt.asUintN(64, bits >> BigInt(word * 64)), true);
  }
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
 * or a reserved bit that is set.
 */
export function decodeInstruction(bytes: Uint8Array): Instruction {
  if (bytes.length !== programLayout.instructionBytes) {
    throw invalid(`${bytes.length} bytes, ${programLayout.instructionBytes} expected`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let bits = 0n;
  for (let word = bytes.length / 8 - 1; word >= 0; word -= 1) {
    bits = (bits << 64n) | view.getBigUint64(word * 8, true);
  }
  const header = readFields(bits, headerFields);
  const operation = header.operation as Operation;
  const values = { ...header, ...readFields(bits, bodyFieldsOf[operation]) };
  const instruction = values as unknown as Instruction;
  if (!encodeInstruction(instruction).every((byte, index) => byte === bytes[index])) {
    throw invalid(`${operation} with a reserved bit set`);
  }
  return instruction;
}

function codeOf({ name }: InstructionField, value: FieldValues[string] | undefined): number {
  const codes = codesOf[name];
  if (codes !== undefined) return typeof value === 'string' ? (codes[value] ?? Number.NaN) : Number.NaN;
  return value === undefined ? Number.NaN : Number(value);
}

function readFields(bits: bigint, fields: readonly InstructionField[]): FieldValues {
  const values: FieldValues = {};
  for (const { name, lowBit, width, signed } of fields) {
    const raw = bits >> BigInt(lowBit);
    const value = Number(signed ? BigInt.asIntN(width, raw) : BigInt.asUintN(width, raw));
    const codes = codesOf[name];
    if (codes !== undefined) values[name] = nameOf(codes, value, name);
    else values[name] = (controlNames as readonly string[]).includes(name) ? value === 1 : value;
  }
  return values;
}

function nameOf(codes: Readonly<Record<string, number>>, code: number, what: string): string {
  for (const [name, known] of Object.entries(codes)) if (known === code) return name;
  throw invalid(`${what} ${code} does not exist`);
}

function invalid(reason: string): SluiceError {
  return new SluiceError('program_invalid', `NPU instruction: ${reason}`);
}
