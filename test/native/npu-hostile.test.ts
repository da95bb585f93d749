import { describe, expect, it, onTestFinished } from 'vitest';
import { SluiceError } from '../../contract/errors.ts';
import {
  type ConvolveInstruction,
  decodeInstruction,
  encodeInstructions,
  type Instruction,
  noTokens,
  type TransferInstruction,
} from '../../contract/npu/instructions.ts';
import { encodeParameterRecord } from '../../contract/npu/parameters.ts';
import { decodeProgramHeader, encodeProgram, programLayout } from '../../contract/npu/program.ts';
import { NpuDevice } from '../../native/npu.ts';
import {
  endlesslyCheckedProgram,
  hardwareNamed,
  layersProgram,
  randomLayer,
  randomNumbers,
} from './npu-programs.ts';

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
    ['a token too few', changing<ConvolveInstruction>('CONVOLVE', { pushNext: false })],
    ['a token too many', changing<ConvolveInstruction>('CONVOLVE', { pushPrevious: true })],
    ['a STORE from beyond memory', changing<TransferInstruction>('STORE', { address: 511 })],
    ['a STORE to the input', changing<TransferInstruction>('STORE', { region: 'INPUT' })],
    ['a STORE beyond the output', changing<TransferInstruction>('STORE', { dramOffset: 1 })],
    ['unwritten activations', changing<ConvolveInstruction>('CONVOLVE', { inputAddress: 3 })],
    ['an output onto its input', changing<ConvolveInstruction>('CONVOLVE', { outputAddress: 0 })],
    ['crossed bounds', changing<ConvolveInstruction>('CONVOLVE', { minimum: 5, maximum: 4 })],
    ['a kernel of 0 rows', changing<ConvolveInstruction>('CONVOLVE', { kernelRows: 0 })],
    ['a table never loaded', changing<ConvolveInstruction>('CONVOLVE', { table: 1 })],
  ] satisfies [string, (all: Instruction[]) => Instruction[]][])('refuses %s', async (_, change) => {
    expect(await codeOf(withInstructions(change))).toBe('program_invalid');
  });

  it.each([
    ['a weight of -128', 'WEIGHT', 0, 0x80],
    ['a channel record whose shift is zero', 'PARAMETER', 7, 0],
    ['a channel record with its upper bits set', 'PARAMETER', 7, 0x41],
  ] as const)('refuses %s', async (_, memory, at, value) => {
    const record = encodeParameterRecord({ bias: 0, multiplier: 1, shift: 1 });
    const weights = Uint8Array.from(Buffer.concat(Array.from({ length: 8 }, () => record)));
    expect(await codeOf(loading(memory, weights))).toBe('accepted');
    weights[at] = value;
    expect(await codeOf(loading(memory, weights))).toBe('program_invalid');
  });

  it('refuses what it cannot follow in a second or so', async () => {
    const device = NpuDevice.open({ kind: 'simulator', configuration: 'kv260-m' });
    onTestFinished(() => device.close());
    await expect(device.load(endlesslyCheckedProgram())).rejects.toMatchObject({ code: 'program_invalid' });
  });
});

/** A program that loads one item of a memory and copies a word from input to output. */
function loading(memory: 'WEIGHT' | 'PARAMETER', weights: Uint8Array): Uint8Array {
  const word: TransferInstruction = {
    ...noTokens,
    operation: 'LOAD',
    region: 'INPUT',
    memory: 'ACTIVATION',
    dramOffset: 0,
    address: 0,
    columns: 2,
    rows: 1,
    blocks: 1,
    dramRowPitch: 0,
    dramBlockPitch: 0,
    rowPitch: 0,
    blockPitch: 0,
  };
  return encodeProgram({
    hardwareHash: hardwareNamed('ci').hash,
    instructions: encodeInstructions([
      { ...word, region: 'WEIGHTS', memory, columns: 1 },
      { ...word, pushNext: true },
      copyOfWords,
      { ...word, operation: 'STORE', region: 'OUTPUT', popPrevious: true },
      { ...noTokens, operation: 'FINISH' },
    ]),
    weights,
    inputBytes: 16,
    outputBytes: 16,
    arenaBytes: 0,
  });
}

/** Two words onto themselves. */
const copyOfWords: Instruction = {
  ...noTokens,
  operation: 'POOL',
  popPrevious: true,
  pushNext: true,
  inputAddress: 0,
  outputAddress: 0,
  outputRows: 1,
  outputColumns: 2,
  blocks: 1,
  inputRows: 1,
  inputColumns: 2,
  kernelRows: 1,
  kernelColumns: 1,
  strideRows: 1,
  strideColumns: 1,
  dilationRows: 1,
  dilationColumns: 1,
  padTop: 0,
  padLeft: 0,
  inputRowPitch: 0,
  inputBlockPitch: 0,
  outputRowPitch: 0,
  outputBlockPitch: 0,
  padValue: 0,
  minimum: -128,
  maximum: 127,
  upsampleRows: 1,
  upsampleColumns: 1,
  table: 0,
};
