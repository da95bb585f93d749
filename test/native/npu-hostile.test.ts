import { describe, expect, it, onTestFinished } from 'vitest';
import { SluiceError } from '../../contract/errors.ts';
import {
  decodeInstruction,
  encodeInstruction,
  encodeInstructions,
  type GemmInstruction,
  type Instruction,
  noTokens,
  type TransferInstruction,
} from '../../contract/npu/instructions.ts';
import { encodeParameterRecord } from '../../contract/npu/parameters.ts';
import { decodeProgramHeader, encodeProgram, programLayout } from '../../contract/npu/program.ts';
import { NpuDevice } from '../../native/npu.ts';
import { hardwareNamed, layersProgram, randomLayer, randomNumbers } from './npu-programs.ts';

const good = layersProgram([randomLayer(32, 16, randomNumbers(51))], 'ci');

async function codeOf(file: Uint8Array): Promise<string> {
  const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci' });
  onTestFinished(() => device.close());
  try {
    await device.load(file);
    return 'accepted';
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(SluiceError);
    return thrown instanceof SluiceError ? thrown.code : 'not a SluiceError';
  }
}

/** The good program with its instructions changed and all checksums right. */
function withInstructions(change: (instructions: Instruction[]) => Instruction[]): Uint8Array {
  const header = decodeProgramHeader(good);
  const { headerBytes, instructionBytes } = programLayout;
  const instructions = Array.from({ length: header.instructionCount }, (_, index) => {
    const start = headerBytes + index * instructionBytes;
    return decodeInstruction(good.subarray(start, start + instructionBytes));
  });
  return encodeProgram({
    ...header,
    instructions: encodeInstructions(change(instructions)),
    weights: good.subarray(header.weightsOffset),
  });
}

function changing<Kind extends Instruction>(
  operation: Kind['operation'],
  change: Partial<Kind>,
): (instructions: Instruction[]) => Instruction[] {
  return (instructions) =>
    instructions.map((instruction) =>
      instruction.operation === operation ? ({ ...instruction, ...change } as Instruction) : instruction,
    );
}

describe('NpuDevice.load', () => {
  it('accepts the program that the others are made from', async () => {
    expect(await codeOf(good)).toBe('accepted');
    expect(await codeOf(withInstructions((instructions) => instructions))).toBe('accepted');
  });

  it('refuses every truncation and every flipped byte', async () => {
    const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci' });
    onTestFinished(() => device.close());
    const refused = expect.objectContaining({ code: 'program_invalid' });
    for (let at = 0; at < good.length; at += 1) {
      await expect(device.load(good.subarray(0, at))).rejects.toEqual(refused);
      const flipped = Uint8Array.from(good);
      flipped[at] = (flipped[at] ?? 0) ^ 0xff;
      await expect(device.load(flipped)).rejects.toEqual(refused);
    }
  });

  it('refuses a program for another hardware', async () => {
    const other = layersProgram([randomLayer(32, 16, randomNumbers(52))], 'kv260-m');
    expect(await codeOf(other)).toBe('program_hardware_mismatch');
  });

  it.each([
    ['no instructions', () => []],
    ['no FINISH', (all) => all.slice(0, -1)],
    ['FINISH twice', (all) => [...all, { ...noTokens, operation: 'FINISH' }]],
    ['no STORE', (all) => all.filter(({ operation }) => operation !== 'STORE')],
    ['no LOAD', (all) => all.filter(({ operation }) => operation !== 'LOAD')],
    ['a token too few', changing<GemmInstruction>('GEMM', { pushNext: false })],
    ['a token too many', changing<GemmInstruction>('GEMM', { pushPrevious: true })],
    ['a STORE from beyond memory', changing<TransferInstruction>('STORE', { sramAddress: 1024 })],
    ['a STORE to the input', changing<TransferInstruction>('STORE', { region: 'INPUT' })],
    ['a STORE beyond the output', changing<TransferInstruction>('STORE', { dramOffset: 1 })],
    ['a GEMM on unwritten activations', changing<GemmInstruction>('GEMM', { activationAddress: 3 })],
    ['a GEMM onto its own inputs', changing<GemmInstruction>('GEMM', { outputAddress: 0 })],
    ['a GEMM with crossed bounds', changing<GemmInstruction>('GEMM', { minimum: 5, maximum: 4 })],
  ] satisfies [string, (all: Instruction[]) => Instruction[]][])('refuses %s', async (_, change) => {
    expect(await codeOf(withInstructions(change))).toBe('program_invalid');
  });

  it('refuses a channel record whose shift is zero', async () => {
    const weights = encodeParameterRecord({ bias: 0, multiplier: 1, shift: 1 });
    weights[8] = 0;
    const load: Instruction = {
      ...noTokens,
      operation: 'LOAD',
      region: 'WEIGHTS',
      memory: 'PARAMETER',
      dramOffset: 0,
      rows: 1,
      rowBeats: 1,
      dramPitchBeats: 0,
      sramAddress: 0,
      sramPitch: 0,
    };
    const sections = {
      hardwareHash: hardwareNamed('ci').hash,
      instructions: encodeInstruction(load),
      inputBytes: 16,
      outputBytes: 16,
      arenaBytes: 0,
    };
    expect(await codeOf(encodeProgram({ ...sections, weights }))).toBe('program_invalid');
  });
});
