import { describe, expect, it, onTestFinished } from 'vitest';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
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
  it.each(Object.keys(hardwareConfigurations))(
    'gives the bits of the float32 reference on %s',
    async (configuration) => {
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
    },
  );

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
    // One column in a line of two: half of the array's columns idle. A tile takes a clock for each of six
    // input blocks, four output blocks are tiles, and the last drains for two.
    expect(counters).toEqual({
      instructions: 7 * 6,
      executeCycles: 7 * (4 * 6 + 2),
      multiplyAccumulates: 7 * 2 * 48 * 32,
      bytesLoaded: 7 * (48 * 32 + 32 * 8 + 48),
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

  it('reads inputs in place that it handed out, whatever becomes of their buffer', async () => {
    const random = randomNumbers(47);
    const layers = randomLayers([16, 16], random);
    const program = await openDevice('ci').load(layersProgram(layers, 'ci'));
    const inputs = program.newInputs(3);
    expect(inputs).toEqual(new Uint8Array(48));
    const items = Array.from({ length: 3 }, () => randomInt8(16, random));
    inputs.set(Buffer.concat(items.map(bytesOf)));
    const expected = Buffer.concat(items.map((item) => bytesOf(referenceAnswer(layers, item))));
    const runs = [program.run(inputs), program.run(inputs), program.run(inputs.subarray(16, 32))];
    const [first, second, third] = (await Promise.all(runs)).map(({ outputs }) => Buffer.from(outputs));
    expect(first?.equals(expected)).toBe(true);
    expect(second?.equals(expected)).toBe(true);
    expect(third?.equals(expected.subarray(16, 32))).toBe(true);
  });

  it('hands out at most what one run takes', async () => {
    const layers = randomLayers([16, 16], randomNumbers(48));
    const program = await openDevice('ci').load(layersProgram(layers, 'ci'));
    const items = (64 * 1024 * 1024) / 16;
    expect(program.newInputs(items)).toHaveLength(items * 16);
    for (const wrong of [items + 1, -1, Number.NaN]) {
      expect(() => program.newInputs(wrong)).toThrow(expect.objectContaining({ code: 'limit_exceeded' }));
    }
  });

  it('gives large outputs that stay when the device and the program are gone', async () => {
    const random = randomNumbers(49);
    const layers = randomLayers([16, 64], random);
    const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci' });
    const program = await device.load(layersProgram(layers, 'ci'));
    const item = randomInt8(16, random);
    const inputs = Uint8Array.from(Buffer.concat(Array.from({ length: 3000 }, () => bytesOf(item))));
    const { outputs } = await program.run(inputs);
    program.unload();
    await device.close();
    const expected = Buffer.from(bytesOf(referenceAnswer(layers, item)));
    expect(outputs).toHaveLength(3000 * 64);
    expect(Buffer.from(outputs).equals(Buffer.concat(Array.from({ length: 3000 }, () => expected)))).toBe(
      true,
    );
    outputs.fill(1);
    expect(outputs.every((byte) => byte === 1)).toBe(true);
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
  it.each(Object.keys(hardwareConfigurations))('describes %s as the generated constants do', (name) => {
    const { board: _, timing: __, name: configuration, ...sizes } = hardwareNamed(name);
    expect(openDevice(name).hardware).toEqual({ configuration, ...sizes });
  });

  it("tells a simulator's seed and threads", () => {
    const open = (options: { seed?: number | bigint; threads?: number }) => {
      const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci', ...options });
      onTestFinished(() => device.close());
      return device.simulator;
    };
    expect(open({ seed: 7, threads: 2 })).toMatchObject({ seed: 7n, threads: 2 });
    expect(open({ seed: 2n ** 64n - 1n })?.seed).toBe(2n ** 64n - 1n);
    expect(open({})?.seed).not.toBe(open({})?.seed);
    expect(() => open({ threads: 65 })).toThrow(expect.objectContaining({ code: 'limit_exceeded' }));
    for (const seed of [-1, 0.5, 2 ** 53, 2n ** 64n]) expect(() => open({ seed })).toThrow(TypeError);
  });

  it('gives the same bits and counts in the C simulation', async () => {
    const random = randomNumbers(50);
    const layers = randomLayers([48, 32, 16], random);
    const device = NpuDevice.open({ kind: 'csim', configuration: 'ci' });
    onTestFinished(() => device.close());
    expect(device.simulator).toBeUndefined();
    const input = bytesOf(randomInt8(48, random));
    const results = [device, openDevice('ci')].map(async (one) => {
      const program = await one.load(layersProgram(layers, 'ci'));
      return program.run(input);
    });
    const [csim, simulator] = await Promise.all(results);
    expect(csim).toEqual(simulator);
    expect(new Int8Array(csim?.outputs.buffer ?? new ArrayBuffer(0))).toEqual(
      referenceAnswer(layers, new Int8Array(input.buffer)),
    );
  });

  it('refuses an unknown configuration', () => {
    const unavailable = expect.objectContaining({ code: 'device_unavailable' });
    expect(() => openDevice('abacus')).toThrow(unavailable);
    expect(() => NpuDevice.open({ kind: 'csim', configuration: 'abacus' })).toThrow(unavailable);
  });
});

function bytesOf(numbers: Int8Array): Uint8Array {
  return new Uint8Array(numbers.buffer);
}
