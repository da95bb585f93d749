import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileModel } from '../../compiler/compile.ts';
import { compileInWorker } from '../../compiler/compile-in-worker.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { decodeProgramHeader } from '../../contract/npu/program.ts';
import { NpuDevice } from '../../native/npu.ts';
import { digitsSet, fashionSet, quantisedItems } from '../support/golden-sets.ts';
import { repositoryPath } from '../support/paths.ts';

const set = fashionSet();
const configurations = Object.keys(hardwareConfigurations);

describe('compileInWorker', () => {
  it('reads a signature alone', async () => {
    const stages: string[] = [];
    const result = await compileInWorker({ model: set.model, onProgress: ({ stage }) => stages.push(stage) });
    expect(result).toEqual({
      signature: {
        inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 784] }],
        outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 10] }],
      },
    });
    expect(stages).toEqual(['signature']);
  });

  it('compiles, verifies on the simulator and records golden outputs', async () => {
    const values = Float32Array.from(set.images.subarray(0, 784), (pixel) => pixel / 255);
    const data = Buffer.from(values.buffer).toString('base64');
    const stages: string[] = [];
    const { compiled, samples } = await compileInWorker({
      model: set.model,
      accelerate: 'ci',
      samples: [[{ name: 'input', datatype: 'FP32', shape: [1, 784], data }]],
      onProgress: ({ stage }) => stages.push(stage),
    });
    const tensor = { name: 'input', datatype: 'FP32' as const, shape: [1, 784] };
    const calibration = [[{ ...tensor, data: new Uint8Array(values.buffer) }]];
    const expected = await compileModel(set.model, { configuration: 'ci', calibration });
    // The worker's bytes come as plain arrays, these as Buffers.
    const { program, canonicalModel, ...rest } = expected;
    expect(compiled).toMatchObject(rest);
    expect(Buffer.compare(compiled?.program ?? new Uint8Array(), program)).toBe(0);
    expect(Buffer.compare(compiled?.canonicalModel ?? new Uint8Array(), canonicalModel)).toBe(0);
    expect(samples?.samples).toHaveLength(1);
    expect([...new Set(stages)]).toEqual([
      'signature',
      'import',
      'partition',
      'quantise',
      'schedule',
      'write',
      'verify',
      'estimate',
      'record',
    ]);
  });

  it.each([
    ['model_invalid', { model: new Uint8Array([1, 2, 3]) }],
    ['tensor_data', { model: readModel('digits_cnn_f32.onnx'), accelerate: 'ci' }],
    ['device_unavailable', { model: set.model, accelerate: 'none' }],
    ['tensor_name', { model: set.model, samples: [[]] }],
  ] as const)('rejects with %s', async (code, job) => {
    const { model, ...rest } = job;
    const samples = 'samples' in rest ? { samples: rest.samples.map(() => []) } : {};
    const accelerate = 'accelerate' in rest ? { accelerate: rest.accelerate } : {};
    await expect(compileInWorker({ model, ...accelerate, ...samples })).rejects.toMatchObject({ code });
  });

  it('ends the worker when aborted, before it starts and while it works', async () => {
    await expect(compileInWorker({ model: set.model, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const controller = new AbortController();
    const compiling = compileInWorker({
      model: set.model,
      accelerate: 'ci',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(compiling).rejects.toMatchObject({ code: 'cancelled' });
    // Also where no stage of the compiler looks: while golden samples are recorded.
    const recording = new AbortController();
    const record = compileInWorker({
      model: set.model,
      samples: Array.from({ length: 200 }, () => [
        {
          name: 'input',
          datatype: 'FP32' as const,
          shape: [1, 784],
          data: Buffer.alloc(3136).toString('base64'),
        },
      ]),
      signal: recording.signal,
      onProgress: ({ stage }) => stage === 'record' && recording.abort(),
    });
    await expect(record).rejects.toMatchObject({ code: 'cancelled' });
  });
});

function readModel(file: string): Uint8Array {
  return new Uint8Array(readFileSync(repositoryPath('test', 'golden', 'digits', file)));
}

describe.each(configurations)('a compiled program on the simulator of %s', (configuration) => {
  it.each([
    ['fashion', set],
    ['digits', digitsSet('pc')],
  ])('computes the reference logits of %s', async (_, golden) => {
    const { program, inputs } = await compileModel(golden.model, { configuration });
    const [binding] = inputs;
    if (binding === undefined) throw new Error('no input binding');
    const { inputBytes, outputBytes } = decodeProgramHeader(program);
    const device = NpuDevice.open({ kind: 'simulator', configuration });
    try {
      const resident = await device.load(program);
      const { outputs } = await resident.run(quantisedItems(golden, { binding, inputBytes }));
      expect(new Int8Array(outputs).filter((_, index) => index % outputBytes < 10)).toEqual(golden.logits);
    } finally {
      await device.close();
    }
  });
});
