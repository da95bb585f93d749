import { describe, expect, it } from 'vitest';
import {
  gemmFields,
  headerFields,
  operationCodes,
  regionCodes,
  transferFields,
  unitCodes,
} from '../../../../contract/npu/instructions.generated.ts';
import {
  decodeInstruction,
  encodeInstruction,
  encodeInstructions,
  type Instruction,
  noTokens,
} from '../../../../contract/npu/instructions.ts';

const load: Instruction = {
  ...noTokens,
  operation: 'LOAD',
  region: 'ARENA',
  memory: 'PARAMETER',
  dramOffset: 0xffff_ffff,
  rows: 0x3fff,
  rowBeats: 0xabcd,
  dramPitchBeats: 0xf_ffff,
  sramAddress: 0x8001,
  sramPitch: 0x2aaa,
};
const gemm: Instruction = {
  popPrevious: true,
  popNext: false,
  pushPrevious: true,
  pushNext: true,
  layer: 65_535,
  operation: 'GEMM',
  activationAddress: 1,
  weightAddress: 65_535,
  parameterAddress: 4095,
  outputAddress: 513,
  rows: 1023,
  inputBlocks: 4095,
  outputBlocks: 255,
  activationPitch: 0x3fff,
  outputPitch: 7,
  outputZeroPoint: -128,
  minimum: -1,
  maximum: 127,
};
const finish: Instruction = { ...noTokens, operation: 'FINISH' };

function bitsOf(bytes: Uint8Array, [word, lowBit, width]: readonly [number, number, number]): bigint {
  const whole = new DataView(bytes.buffer).getBigUint64(word * 8, true);
  return (whole >> BigInt(lowBit)) & ((1n << BigInt(width)) - 1n);
}

function withBitSet(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) | (1 << (bit & 7));
  return changed;
}

describe('encodeInstruction', () => {
  it.each([load, gemm, finish])('is undone by decodeInstruction: $operation', (instruction) => {
    expect(decodeInstruction(encodeInstruction(instruction))).toEqual(instruction);
  });

  it('puts each field at its bits', () => {
    const bytes = encodeInstruction(load);
    expect(bitsOf(bytes, headerFields.operation)).toBe(BigInt(operationCodes.LOAD));
    expect(bitsOf(bytes, transferFields.region)).toBe(BigInt(regionCodes.ARENA));
    expect(bitsOf(bytes, transferFields.sramAddress)).toBe(0x8001n);
    expect(bitsOf(bytes, transferFields.rowBeats)).toBe(0xabcdn);
  });

  it('writes signed fields as two complement numbers', () => {
    const bytes = encodeInstruction(gemm);
    expect(bitsOf(bytes, gemmFields.outputZeroPoint)).toBe(0x80n);
    expect(bitsOf(bytes, gemmFields.minimum)).toBe(0xffn);
    expect(bitsOf(bytes, gemmFields.maximum)).toBe(0x7fn);
  });

  it('derives the unit and the last flag from the operation', () => {
    expect(bitsOf(encodeInstruction(gemm), headerFields.unit)).toBe(BigInt(unitCodes.EXECUTE));
    expect(bitsOf(encodeInstruction(gemm), headerFields.last)).toBe(0n);
    expect(bitsOf(encodeInstruction(finish), headerFields.unit)).toBe(BigInt(unitCodes.STORE));
    expect(bitsOf(encodeInstruction(finish), headerFields.last)).toBe(1n);
  });

  it.each([
    { ...load, sramAddress: 0x1_0000 },
    { ...load, rows: -1 },
    { ...load, rows: 1.5 },
    { ...load, dramOffset: Number.NaN },
    { ...gemm, rows: 1024 },
    { ...gemm, minimum: -129 },
    { ...gemm, maximum: 128 },
    { ...finish, layer: 65_536 },
  ] satisfies Instruction[])('refuses a value that does not fit its field (%#)', (instruction) => {
    expect(() => encodeInstruction(instruction)).toThrow(
      expect.objectContaining({ code: 'program_invalid' }),
    );
  });

  it('writes a list one after the other', () => {
    const bytes = encodeInstructions([load, gemm, finish]);
    expect(bytes).toHaveLength(96);
    expect(decodeInstruction(bytes.subarray(32, 64))).toEqual(gemm);
  });
});

describe('decodeInstruction', () => {
  const refused = expect.objectContaining({ code: 'program_invalid' });

  it('refuses another length, an unknown operation and an unknown region', () => {
    expect(() => decodeInstruction(new Uint8Array(31))).toThrow(refused);
    expect(() => decodeInstruction(new Uint8Array(32))).toThrow(refused);
    expect(() => decodeInstruction(withBitSet(encodeInstruction(load), 64 + 34))).toThrow(refused);
  });

  it('refuses a wrong unit, a wrong last flag and a reserved bit', () => {
    expect(() => decodeInstruction(withBitSet(encodeInstruction(load), 5))).toThrow(refused);
    expect(() => decodeInstruction(withBitSet(encodeInstruction(load), 11))).toThrow(refused);
    expect(() => decodeInstruction(withBitSet(encodeInstruction(load), 28))).toThrow(refused);
    expect(() => decodeInstruction(withBitSet(encodeInstruction(finish), 64))).toThrow(refused);
  });
});
