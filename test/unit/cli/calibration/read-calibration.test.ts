import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import jpeg from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import type { CalibrationInput } from '../../../../cli/calibration/calibration-inputs.ts';
import { gatherCalibration } from '../../../../cli/calibration/calibration-options.ts';
import { readCalibration } from '../../../../cli/calibration/read-calibration.ts';
import { limits } from '../../../../contract/limits.ts';
import type { Datatype } from '../../../../contract/tensors.ts';
import { temporaryFolder } from '../../../support/paths.ts';

const small: CalibrationInput = { name: 'x', datatype: 'FP32', shape: [1, 1, 2, 2] };
const plain = { mean: [0], std: [1] };

function folderOf(files: Record<string, Uint8Array | string>): string {
  const folder = temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

function read(folder: string, inputs: readonly CalibrationInput[] = [small], normalisation = plain) {
  return readCalibration(folder, { inputs, normalisation });
}

async function values(folder: string, input = small, normalisation = plain): Promise<number[][]> {
  const { samples } = await read(folder, [input], normalisation);
  return samples.map(([tensor]) => [...new Float32Array(tensor?.data.slice().buffer ?? [])]);
}

function raw(...elements: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(elements).buffer);
}

function npy(header: string, data: Uint8Array): Uint8Array {
  const text = `${header}\n`;
  const start = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length, 0);
  return Buffer.concat([start, Buffer.from(text), data]);
}

function floats(shape: string, ...elements: number[]): Uint8Array {
  return npy(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`, raw(...elements));
}

function json(...samples: { name: string; datatype?: Datatype; shape: number[]; data: Uint8Array }[]) {
  const inputs = samples.map((input) => ({
    datatype: 'FP32',
    ...input,
    data: Buffer.from(input.data).toString('base64'),
  }));
  return JSON.stringify({ samples: [{ inputs }] });
}

describe('files of numbers', () => {
  it('are read in the order of their names, others passed over', async () => {
    const folder = folderOf({
      'b.f32': raw(5, 6, 7, 8),
      'a.npy': floats('(2, 1, 2, 2)', 1, 2, 3, 4, -1, -2, -3, -4),
      'c.json': json({ name: 'x', shape: [1, 1, 2, 2], data: raw(9, 9, 9, 9) }),
      'README.txt': 'not a sample',
    });
    mkdirSync(join(folder, 'z.npy'));
    expect(await values(folder)).toEqual([
      [1, 2, 3, 4],
      [-1, -2, -3, -4],
      [5, 6, 7, 8],
      [9, 9, 9, 9],
    ]);
  });

  it('stop at the limit, and say how many files were left', async () => {
    const many = Array.from(
      { length: limits.calibrationSamplesMax + 3 },
      (_, index): [string, Uint8Array] => [`${String(index).padStart(4, '0')}.f32`, raw(index, 0, 0, 0)],
    );
    const { samples, skippedFileCount } = await read(folderOf(Object.fromEntries(many)));
    expect([samples.length, skippedFileCount]).toEqual([limits.calibrationSamplesMax, 3]);
  });

  it.each<[string, string, Record<string, Uint8Array | string>]>([
    ['tensor_data', 'an empty folder', {}],
    ['tensor_data', 'no sample among the files', { 'labels.txt': '1' }],
    ['tensor_shape', 'a raw file of another size', { 'bad.f32': raw(1, 2, 3) }],
    ['tensor_shape', 'an array of another shape', { 'bad.npy': floats('(4,)', 1, 2, 3, 4) }],
    ['tensor_data', 'an array cut off', { 'bad.npy': floats('(1, 1, 2, 2)', 1, 2, 3) }],
    ['tensor_data', 'an array of no items', { 'bad.npy': floats('(0, 1, 2, 2)') }],
    ['tensor_data', 'an array with NaN', { 'bad.npy': floats('(1, 2, 2)', 1, 2, Number.NaN, 4) }],
    ['tensor_data', 'a raw file with infinity', { 'bad.f32': raw(1, 2, 3, Number.POSITIVE_INFINITY) }],
    ['tensor_data', 'an array of no known kind', { 'bad.npy': npy("{'descr': '>f4', 'shape': ()}", raw(1)) }],
    ['tensor_data', 'an array that is none', { 'bad.npy': 'hello, I am a text' }],
    ['tensor_data', 'JSON that is none', { 'bad.json': '{' }],
    ['tensor_name', 'JSON of another input', { 'bad.json': json({ name: 'y', shape: [1], data: raw(1) }) }],
    ['tensor_shape', 'JSON of another shape', { 'bad.json': json({ name: 'x', shape: [1], data: raw(1) }) }],
    ['tensor_data', 'JSON with too few bytes', { 'bad.json': json({ name: 'x', shape: [4], data: raw(1) }) }],
    ['tensor_data', 'a damaged picture', { 'bad.png': Uint8Array.of(0x89, 0x50) }],
    ['tensor_data', 'a damaged photograph', { 'bad.jpg': Uint8Array.of(0xff, 0xd8, 0xff) }],
  ])('give %s for %s', async (code, _what, files) => {
    const name = Object.keys(files).find((file) => file.startsWith('bad'));
    await expect(read(folderOf(files))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(name ?? ''),
    });
  });

  it('that do not fit a shape from --shape say so', async () => {
    const folder = folderOf({ 'a.npy': floats('(1, 1, 2, 2)', 1, 2, 3, 4) });
    await expect(read(folder, [{ ...small, shape: [1, 1, 4, 4], isGiven: true }])).rejects.toMatchObject({
      code: 'tensor_shape',
      message: expect.stringContaining('takes [1,1,4,4] (by --shape)'),
    });
  });

  it.each([
    ['another rank', { x: [1, 4] }, 'tensor_shape', '--shape x=1,4'],
    ['another size', { x: [1, 2, 2, 2] }, 'tensor_shape', '--shape x=1,2,2,2'],
    ['no input', { y: [1, 1, 2, 2] }, 'tensor_name', '--shape "y"'],
  ])('are not blamed for a --shape of %s', async (_, shape, code, text) => {
    const calibration = folderOf({ 'a.npy': floats('(1, 1, 2, 2)', 1, 2, 3, 4) });
    const choices = { calibration, shape, ...plain, quantise: 'auto' };
    const declared = [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 1, -1, -1] }];
    await expect(gatherCalibration(declared, { choices })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });

  it('of one tensor feed models of one input only', async () => {
    const two = [small, { ...small, name: 'y' }];
    await expect(read(folderOf({ 'a.f32': raw(1, 2, 3, 4) }), two)).rejects.toMatchObject({
      code: 'tensor_name',
    });
  });

  it('that are links to nothing are an error with their name', async () => {
    const folder = temporaryFolder();
    symlinkSync(join(folder, 'gone'), join(folder, 'a.f32'));
    await expect(read(folder)).rejects.toThrow('a.f32');
  });
});

describe('pictures', () => {
  /** Two rows of two pixels: red, green; blue, white. */
  const colours = encode({
    width: 2,
    height: 2,
    channels: 3,
    depth: 8,
    data: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255),
  });
  const planes = { name: 'x', datatype: 'FP32', shape: [1, 3, 2, 2] } as const;

  it('become planes of channels, or pixels where channels stand last', async () => {
    const folder = folderOf({ 'a.png': colours });
    expect(await values(folder, planes)).toEqual([[1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1]]);
    expect(await values(folder, { ...planes, shape: [1, 2, 2, 3] })).toEqual([
      [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1],
    ]);
  });

  it('are normalised by channel', async () => {
    const normalisation = { mean: [0.5, 0, 1], std: [0.5, 2, 1] };
    expect(await values(folderOf({ 'a.png': colours }), planes, normalisation)).toEqual([
      [1, -1, -1, 1, 0, 0.5, 0, 0.5, -1, -1, 0, 0],
    ]);
  });

  it('of colour become luminance for one channel, also for a flat input of their size', async () => {
    const grey = [0.299, 0.587, 0.114, 1].map((value) => expect.closeTo(value, 5));
    const folder = folderOf({ 'a.png': colours });
    expect(await values(folder)).toEqual([grey]);
    expect(await values(folder, { ...small, shape: [1, 4] })).toEqual([grey]);
  });

  it('feed a UINT8 input as they are', async () => {
    const { samples } = await read(folderOf({ 'a.png': colours }), [{ ...planes, datatype: 'UINT8' }]);
    expect([...(samples[0]?.[0]?.data ?? [])]).toEqual([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255]);
  });

  it('of less than a byte for a pixel are unpacked', async () => {
    // Two rows of two pixels of one bit: 1 0, 0 1 (made by hand: the encoder writes whole bytes only).
    const bits = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAQAAAABazTCJAAAADElEQVR4nGNoYHAAAAHEAMGYZjUWAAAAAElFTkSuQmCC',
      'base64',
    );
    expect(await values(folderOf({ 'a.png': bits }))).toEqual([[1, 0, 0, 1]]);
  });

  it('are stretched to the input: the mean of what a pixel covers', async () => {
    const stripes = Uint8Array.from({ length: 64 }, (_, index) => ([1, 2].includes(index % 4) ? 200 : 0));
    const picture = encode({ width: 8, height: 8, channels: 1, depth: 8, data: stripes });
    const [mixed = []] = await values(folderOf({ 'a.png': picture }));
    for (const value of mixed) expect(value * 255).toBeCloseTo(100, -1.5);
    const flat = encode({ width: 1, height: 1, channels: 1, depth: 8, data: Uint8Array.of(51) });
    expect(await values(folderOf({ 'a.png': flat }))).toEqual([Array(4).fill(expect.closeTo(0.2, 5))]);
  });

  it('may be JPEG', async () => {
    const data = new Uint8Array(8 * 8 * 4).fill(128);
    const photograph = jpeg.encode({ width: 8, height: 8, data }, 90).data;
    const [grey = []] = await values(folderOf({ 'a.jpg': photograph }));
    for (const value of grey) expect(value).toBeCloseTo(128 / 255, 1);
  });

  it('are refused for an input that is none', async () => {
    const vector = { ...small, shape: [1, 7] };
    await expect(read(folderOf({ 'a.png': colours }), [vector])).rejects.toMatchObject({
      code: 'tensor_shape',
    });
    await expect(
      read(folderOf({ 'a.png': colours }), [{ ...planes, datatype: 'INT64' }]),
    ).rejects.toMatchObject({ code: 'tensor_datatype' });
  });
});

it('reading stops when it is cancelled', async () => {
  const options = { inputs: [small], normalisation: plain, signal: AbortSignal.abort() };
  await expect(readCalibration(folderOf({ 'a.f32': raw(1, 2, 3, 4) }), options)).rejects.toMatchObject({
    code: 'cancelled',
  });
});
