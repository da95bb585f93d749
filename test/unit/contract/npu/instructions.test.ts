import { describe, expect, it } from 'vitest';
import {
  additionFields,
  convolutionFields,
  headerFields,
  type InstructionField,
  multiplicationFields,
  operations,
  poolFields,
  regionCodes,
  transferFields,
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
  address: 0x2aaa,
  columns: 1,
  rows: 0x3fff,
  blocks: 1023,
  dramRowPitch: 0xabcd,
  dramBlockPitch: 0xff_ffff,
  rowPitch: 511,
  blockPitch: 0x1555,
};
const finish: Instruction = { ...noTokens, operation: 'FINISH' };

const formats = {
  CONVOLVE: convolutionFields,
  POOL: poolFields,
  ADD: additionFields,
  MULTIPLY: multiplicationFields,
} as const;

/** An instruction whose every field is what `contentOf` says. */
function filled(
  operation: keyof typeof formats,
  contentOf: (field: InstructionField, index: number) => number,
): Instruction {
  const body = Object.fromEntries(
    formats[operation].map((field, index) => [field.name, contentOf(field, index)]),
  );
  return { ...noTokens, popPrevious: true, pushNext: true, layer: 16_383, operation, ...body } as Instruction;
}

const least = ({ signed, width }: InstructionField): number => (signed ? -(2 ** (width - 1)) : 0);
const most = ({ signed, width }: InstructionField): number => 2 ** (signed ? width - 1 : width) - 1;
const executeOperations = Object.keys(formats) as (keyof typeof formats)[];

function bitsOf(bytes: Uint8Array, fields: readonly InstructionField[], name: string): bigint {
  const field = fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new Error(`no field ${name}`);
  const whole = [...bytes].reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  return (whole >> BigInt(field.lowBit)) & ((1n << BigInt(field.width)) - 1n);
}

function withBitSet(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) | (1 << (bit & 7));
  return changed;
}

describe('encodeInstruction', () => {
  it.each([load, finish, ...executeOperations.flatMap((name) => [filled(name, least), filled(name, most)])])(
    'is undone by decodeInstruction: $operation (%#)',
    (instruction) => {
      expect(decodeInstruction(encodeInstruction(instruction))).toEqual(instruction);
    },
  );

  it('puts each field at its bits', () => {
    const bytes = encodeInstruction(load);
    expect(bitsOf(bytes, headerFields, 'operation')).toBe(BigInt(operations.LOAD.code));
    expect(bitsOf(bytes, transferFields, 'region')).toBe(BigInt(regionCodes.ARENA));
    expect(bitsOf(bytes, transferFields, 'dramOffset')).toBe(0xffff_ffffn);
    expect(bitsOf(bytes, transferFields, 'dramRowPitch')).toBe(0xabcdn);
  });

  it('puts a field that stands in two words at its bits', () => {
    const split = convolutionFields.find(({ lowBit, width }) => lowBit % 64 > (lowBit + width - 1) % 64);
    const instruction = filled('CONVOLVE', (field) => (field.name === split?.name ? most(field) : 0));
    expect(split).toBeDefined();
    expect(bitsOf(encodeInstruction(instruction), convolutionFields, split?.name ?? '')).toBe(
      BigInt(2 ** (split?.width ?? 0) - 1),
    );
  });

  it('writes signed fields as two complement numbers', () => {
    const bytes = encodeInstruction(filled('ADD', least));
    expect(bitsOf(bytes, additionFields, 'outputZeroPoint')).toBe(0x80n);
    expect(bitsOf(bytes, additionFields, 'maximum')).toBe(0x80n);
  });

  it('gives no two fields of an instruction the same bit, and none more than there are', () => {
    for (const fields of [transferFields, ...Object.values(formats)]) {
      const bits = [...headerFields, ...fields].flatMap(({ lowBit, width }) =>
        Array.from({ length: width }, (_, index) => lowBit + index),
      );
      expect(new Set(bits).size).toBe(bits.length);
      expect(Math.max(...bits)).toBeLessThan(256);
    }
  });

  it.each([
    { ...load, address: 0x4000 },
    { ...load, rows: -1 },
    { ...load, rows: 1.5 },
    { ...load, dramOffset: Number.NaN },
    { ...load, region: 'MOON' },
    { ...filled('POOL', least), minimum: -129 },
    { ...filled('POOL', least), maximum: 128 },
    { ...finish, layer: 16_384 },
  ] as Instruction[])('refuses a value that does not fit its field (%#)', (instruction) => {
    expect(() => encodeInstruction(instruction)).toThrow(
      expect.objectContaining({ code: 'program_invalid' }),
    );
  });

  it('writes a list one after the other', () => {
    const bytes = encodeInstructions([load, filled('ADD', most), finish]);
    expect(bytes).toHaveLength(96);
    expect(decodeInstruction(bytes.subarray(32, 64))).toEqual(filled('ADD', most));
  });
});

describe('decodeInstruction', () => {
  const refused = expect.objectContaining({ code: 'program_invalid' });

  it('refuses another length, an unknown operation and an unknown region', () => {
    expect(() => decodeInstruction(new Uint8Array(31))).toThrow(refused);
    expect(() => decodeInstruction(new Uint8Array(32))).toThrow(refused);
    expect(() => decodeInstruction(withBitSet(encodeInstruction(load), 25))).toThrow(refused);
  });

  it('refuses a reserved bit', () => {
    expect(() => decodeInstruction(withBitSet(encodeInstruction(load), 255))).toThrow(refused);
    expect(() => decodeInstruction(withBitSet(encodeInstruction(finish), 23))).toThrow(refused);
  });
});
