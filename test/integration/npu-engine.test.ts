import { describe, expect, it, onTestFinished } from 'vitest';
import { NpuEngine } from '../../agent/engines/npu-engine.ts';
import { NetworkBuilder } from '../../bench/networks/network-builder.ts';
import { compileNetwork } from '../../compiler/network/compile-network.ts';
import type { NpuBinding } from '../../contract/image.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import type { Tensor, TensorDescription, TensorSignature } from '../../contract/tensors.ts';
import { NpuDevice } from '../../native/npu.ts';
import { seededRandom } from '../support/random.ts';
import { stagedModel } from '../support/staged-model.ts';

const configuration = 'ci';
const staged = stagedModel(configuration);

function float(name: string, shape: number[]): TensorDescription {
  return { name, datatype: 'FP32', shape };
}

const image = float('image_nchw', [-1, 5, 6, 7]);
const extra = float('extra', [-1, 5, 6, 7]);
const features = float('features', [-1, 6, 7, 19]);
const scores = float('scores', [-1, 19]);
const signature = { inputs: [image, extra], outputs: [scores, features] };

async function startEngine(options: {
  program: Uint8Array;
  /** Told when the device gets a run. */
  onRun?: () => void;
  signature: TensorSignature;
  bindings: { inputs: NpuBinding[]; outputs: NpuBinding[] };
}): Promise<NpuEngine> {
  const { onRun, ...rest } = options;
  const device = NpuDevice.open({ kind: 'simulator', configuration });
  onTestFinished(() => device.close());
  const program = await device.load(options.program);
  const run = program.run.bind(program);
  program.run = (...given) => {
    onRun?.();
    return run(...given);
  };
  const engine = new NpuEngine({
    what: 'test',
    route: 'fpga-sim',
    inputParallel: device.hardware.inputParallel,
    queueDepthMax: 2,
    timeoutMs: 20_000,
    nowMs: () => performance.now(),
    ...rest,
    program,
  });
  onTestFinished(() => engine.close());
  return engine;
}

function tensorOf({ name, shape }: TensorDescription, items: number, seed = 1): Tensor {
  const random = seededRandom(seed);
  const [, ...item] = shape;
  const count = items * item.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: count }, () => random() / 2 ** 30 - 2);
  return { name, datatype: 'FP32', shape: [items, ...item], data: new Uint8Array(values.buffer) };
}

/** Some items of a tensor as one of its own. */
function slice({ data, shape: [items = 1, ...item], ...rest }: Tensor, first: number, count: number): Tensor {
  const bytes = data.length / items;
  return { ...rest, shape: [count, ...item], data: data.slice(first * bytes, (first + count) * bytes) };
}

describe('an NPU engine', () => {
  it('answers each of thousands of items as if it were alone, in turns of the event loop', async () => {
    let turns = 0;
    let turnsBeforeRun = 0;
    const onRun = () => {
      turnsBeforeRun ||= turns;
    };
    const engine = await startEngine({ ...staged, signature, bindings: staged, onRun });
    const items = 6000;
    const inputs = [tensorOf(image, items, 3), tensorOf(extra, items, 5)];
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    const outputs = await engine.infer(inputs);
    clearInterval(timer);
    // 6000 items of two times 210 floats are converted in three turns.
    expect(turnsBeforeRun).toBeGreaterThan(0);
    expect(outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ['scores', [items, 19]],
      ['features', [items, 6, 7, 19]],
    ]);
    for (const item of [0, 1, 2999, 5999]) {
      const alone = await engine.infer(inputs.map((input) => slice(input, item, 1)));
      expect(alone).toEqual(outputs.map((output) => slice(output, item, 1)));
    }
  });

  it.each([
    ['another number of items', () => [tensorOf(image, 2), tensorOf(extra, 3)], 'tensor_shape'],
    ['no items', () => [tensorOf(image, 0), tensorOf(extra, 0)], 'tensor_shape'],
    ['a missing input', () => [tensorOf(image, 1)], 'tensor_shape'],
    [
      'a part of an item',
      () => [tensorOf(float('image_nchw', [-1, 5]), 1), tensorOf(extra, 1)],
      'tensor_shape',
    ],
  ])('refuses %s', async (_what, inputs, code) => {
    const engine = await startEngine({ ...staged, signature, bindings: staged });
    await expect(engine.infer(inputs())).rejects.toMatchObject({ code });
    expect(await engine.infer([tensorOf(image, 1), tensorOf(extra, 1)])).toHaveLength(2);
  });

  it('refuses a batch where a tensor is for one item', async () => {
    const fixed = { ...signature, outputs: [float('scores', [19]), features] };
    const engine = await startEngine({ ...staged, signature: fixed, bindings: staged });
    const [answer] = await engine.infer([tensorOf(image, 1), tensorOf(extra, 1)]);
    expect(answer?.shape).toEqual([19]);
    await expect(engine.infer([tensorOf(image, 2), tensorOf(extra, 2)])).rejects.toMatchObject({
      code: 'tensor_shape',
    });
  });

  it('takes no work for a client that left', async () => {
    const engine = await startEngine({ ...staged, signature, bindings: staged });
    const inputs = [tensorOf(image, 1), tensorOf(extra, 1)];
    await expect(engine.infer(inputs, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('refuses items whose regions are larger than a device takes, before it takes the memory', async () => {
    const builder = new NetworkBuilder('one', 1);
    const network = builder.network([
      builder.convolution(builder.input({ channels: 1, rows: 1, columns: 1 }), { channels: 1 }),
    ]);
    const hardware = hardwareConfigurations[configuration];
    if (hardware === undefined) throw new Error(configuration);
    const one = { channels: 1, rows: 1, columns: 1, channelStride: 1, rowStride: 1, columnStride: 1 };
    const binding = { scale: 1, zeroPoint: 0, offsetBytes: 0, ...one };
    const engine = await startEngine({
      program: compileNetwork(network, hardware).program,
      signature: { inputs: [float('x', [-1])], outputs: [float('y', [-1])] },
      bindings: { inputs: [{ tensor: 'x', ...binding }], outputs: [{ tensor: 'y', ...binding }] },
    });
    const items = 2 ** 40;
    const input = { name: 'x', datatype: 'FP32' as const, shape: [items], data: new Uint8Array(0) };
    await expect(engine.infer([input])).rejects.toMatchObject({ code: 'limit_exceeded' });
  });
});
