import { describe, expect, it, onTestFinished } from 'vitest';
import { NpuDevice, type NpuProgram } from '../../native/npu.ts';
import {
  hardwareNamed,
  type Layer,
  layersProgram,
  randomInt8,
  randomLayer,
  randomNumbers,
  referenceAnswer,
} from './npu-programs.ts';

function openDevice(configuration: string): NpuDevice {
  const device = NpuDevice.open({ kind: 'simulator', configuration });
  onTestFinished(() => device.close());
  return device;
}

async function answer(program: NpuProgram, input: Int8Array): Promise<Int8Array> {
  const { outputs } = await program.run(new Uint8Array(input.buffer));
  return new Int8Array(outputs.buffer);
}

function randomLayers(sizes: readonly number[], random: () => number): Layer[] {
  return sizes.slice(1).map((outputs, index) => randomLayer(sizes[index] ?? 0, outputs, random));
}

describe('NpuProgram.run', () => {
  it.each(['ci', 'kv260-m'])('gives the bits of the float32 reference on %s', async (configuration) => {
    const device = openDevice(configuration);
    const random = randomNumbers(41);
    for (const sizes of [
      [16, 16],
      [64, 32, 16],
      [112, 64, 48, 16],
      [256, 48],
    ]) {
      const layers = randomLayers(sizes, random);
      const program = await device.load(layersProgram(layers, configuration));
      for (let sample = 0; sample < 25; sample += 1) {
        const input = randomInt8(sizes[0] ?? 0, random);
        expect(await answer(program, input)).toEqual(referenceAnswer(layers, input));
      }
      program.unload();
    }
  });

  it('answers each item of a run and adds up the counters', async () => {
    const device = openDevice('ci');
    const random = randomNumbers(42);
    const layers = randomLayers([48, 32], random);
    const program = await device.load(layersProgram(layers, 'ci'));
    expect([program.inputBytes, program.outputBytes]).toEqual([48, 32]);
    const inputs = Array.from({ length: 7 }, () => randomInt8(48, random));
    const { outputs, counters } = await program.run(Uint8Array.from(Buffer.concat(inputs.map(bytesOf))));
    const expected = inputs.map((input) => bytesOf(referenceAnswer(layers, input)));
    expect(Buffer.from(outputs).equals(Buffer.concat(expected))).toBe(true);
    expect(counters).toEqual({
      instructions: 7 * 6,
      multiplyAccumulates: 7 * 48 * 32,
      bytesLoaded: 7 * (48 * 32 + 32 * 16 + 48),
      bytesStored: 7 * 32,
    });
  });

  it('keeps programs and devices apart when they run at once', async () => {
    const random = randomNumbers(43);
    const devices = [openDevice('ci'), openDevice('ci')];
    const programs = await Promise.all(
      devices.flatMap((device) =>
        [32, 48].map(async (inputs) => {
          const layers = randomLayers([inputs, 16], random);
          return { inputs, layers, program: await device.load(layersProgram(layers, 'ci')) };
        }),
      ),
    );
    const checks = Array.from({ length: 100 }, async (_, index) => {
      const chosen = programs[index % programs.length];
      if (chosen === undefined) throw new Error('there are four programs');
      const input = randomInt8(chosen.inputs, random);
      expect(await answer(chosen.program, input)).toEqual(referenceAnswer(chosen.layers, input));
    });
    await Promise.all(checks);
    expect(checks).toHaveLength(100);
  });

  it('copies the inputs before it returns', async () => {
    const random = randomNumbers(44);
    const layers = randomLayers([16, 16], random);
    const program = await openDevice('ci').load(layersProgram(layers, 'ci'));
    const input = randomInt8(16, random);
    const expected = referenceAnswer(layers, input);
    const running = answer(program, input);
    input.fill(0);
    expect(await running).toEqual(expected);
  });

  it.each([0, 15, 17, 47])('refuses inputs of %d bytes', async (bytes) => {
    const layers = randomLayers([16, 16], randomNumbers(45));
    const program = await openDevice('ci').load(layersProgram(layers, 'ci'));
    await expect(program.run(new Uint8Array(bytes))).rejects.toMatchObject({ code: 'tensor_data' });
  });

  it('refuses more inputs than its limit', async () => {
    const layers = randomLayers([16, 16], randomNumbers(46));
    const program = await openDevice('ci').load(layersProgram(layers, 'ci'));
    const inputs = new Uint8Array(64 * 1024 * 1024 + 16);
    await expect(program.run(inputs)).rejects.toMatchObject({ code: 'limit_exceeded' });
  });
});

describe('NpuDevice.open', () => {
  it.each(['ci', 'kv260-m'])('describes %s as the generated constants do', (configuration) => {
    const { hash, clockMhz } = hardwareNamed(configuration);
    expect(openDevice(configuration).hardware).toEqual({ configuration, hash, clockMhz });
  });

  it('refuses an unknown configuration', () => {
    expect(() => openDevice('abacus')).toThrow(expect.objectContaining({ code: 'device_unavailable' }));
  });
});

function bytesOf(numbers: Int8Array): Uint8Array {
  return new Uint8Array(numbers.buffer);
}
