import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor as PackageTensor } from 'onnxruntime-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { RuntimeLane } from '../../ort/runtime-lane.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';
import { fashionModel } from '../support/make-image.ts';
import { modelOf, node } from '../support/onnx-models.ts';
import { seededRandom } from '../support/random.ts';
import { busyModel } from '../support/serving-models.ts';

const outputNames = ['logits'];

function openLane(): RuntimeLane {
  const lane = RuntimeLane.open();
  onTestFinished(() => lane.close());
  return lane;
}

function inputOf(seed: number, items = 1): Tensor {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: items * 784 }, () => random() / 2 ** 32);
  return { name: 'input', datatype: 'FP32', shape: [items, 784], data: new Uint8Array(values.buffer) };
}

describe('lanes', () => {
  it('run one model at once, with the bytes of a run in this thread and of the package', async () => {
    const lanes = [openLane(), openLane(), openLane()];
    const model = await RuntimeModel.loadOn(lanes[0] as RuntimeLane, fashionModel());
    const session = await InferenceSession.create(fashionModel());
    await Promise.all(
      Array.from({ length: 60 }, async (_, seed) => {
        const input = inputOf(seed);
        const lane = lanes[seed % lanes.length] as RuntimeLane;
        const { outputs, computeMs } = await model.runOn(lane, [input], { outputNames });
        const [here] = model.runNow([input], outputNames);
        expect(outputs).toEqual([here]);
        expect(computeMs).toBeGreaterThan(0);
        const values = new Float32Array(input.data.buffer);
        const theirs = await session.run({ input: new PackageTensor('float32', values, [1, 784]) });
        expect(new Float32Array(outputs[0]?.data.slice().buffer ?? [])).toEqual(theirs.logits?.data);
      }),
    );
    await model.release();
    expect(() => model.runNow([inputOf(0)], outputNames)).toThrow(/released/);
  });

  it('put an output into its target when that has exactly its length', async () => {
    const lane = openLane();
    const model = await RuntimeModel.loadOn(lane, fashionModel());
    const expected = model.runNow([inputOf(1)], outputNames);
    for (const [bytes, isTaken] of [
      [40, true],
      [39, false],
      [44, false],
    ] as const) {
      const target = new Uint8Array(bytes);
      const { outputs } = await model.runOn(lane, [inputOf(1)], { outputNames, targets: [target] });
      expect(outputs[0]?.data === target).toBe(isTaken);
      expect(outputs).toEqual(expected);
      if (!isTaken) expect(target.every((byte) => byte === 0)).toBe(true);
    }
  });

  it('say what is wrong with an input, and run the next', async () => {
    const lane = openLane();
    const model = await RuntimeModel.loadOn(lane, fashionModel());
    const run = (input: Tensor) => model.runOn(lane, [input], { outputNames });
    const right = inputOf(2);
    await expect(run({ ...right, data: right.data.subarray(4) })).rejects.toMatchObject({
      code: 'tensor_data',
    });
    await expect(run({ ...right, shape: [784, 1] })).rejects.toMatchObject({
      code: 'engine_failed',
      message: expect.stringMatching(/^ONNX Runtime: the model does not run on this input \(.+\)$/),
    });
    await expect(run({ ...right, datatype: 'INT64' })).rejects.toMatchObject({ code: 'tensor_data' });
    expect((await run(right)).outputs[0]?.shape).toEqual([1, 10]);
  });

  it('refuse a model that is none, and go on', async () => {
    const lane = openLane();
    for (const bytes of [new Uint8Array(), new Uint8Array(1000), fashionModel().subarray(0, 20_000)]) {
      await expect(RuntimeModel.loadOn(lane, bytes)).rejects.toMatchObject({ code: 'model_invalid' });
    }
    await expect(RuntimeModel.loadOn(lane, fashionModel())).resolves.toBeDefined();
  });

  it('decline an output that is no tensor by its name', async () => {
    const withoutOutput = writeModel(
      modelOf({
        nodes: [node('SequenceConstruct', { inputs: ['x'], outputs: ['list'] })],
        initialisers: [],
        inputs: [{ name: 'x', elementType: 1, shape: [1] }],
        outputs: [],
      }),
    );
    // The writer knows tensors alone. Behind a message Protocol Buffers reads more of it: the graph's output `list`,
    // a sequence of tensors of floats.
    const output = Buffer.from('3a1262100a046c69737412082206' + '0a040a020801', 'hex');
    const model = await RuntimeModel.load(Buffer.concat([withoutOutput, output]));
    const x: Tensor = { name: 'x', datatype: 'FP32', shape: [1], data: new Uint8Array(4) };
    expect(() => model.runNow([x], ['list'])).toThrow(
      expect.objectContaining({
        code: 'model_unsupported',
        message: expect.stringMatching(/"list".*no tensor/),
      }),
    );
  });

  it('end a run that is told to, between two nodes', async () => {
    const lane = openLane();
    // As a whole the run would take many minutes.
    const model = await RuntimeModel.loadOn(lane, busyModel(1_000));
    const size = (count: number): Tensor => ({
      name: 'size',
      datatype: 'INT64',
      shape: [2],
      data: new Uint8Array(BigInt64Array.of(BigInt(count), BigInt(count)).buffer),
    });
    const run = (count: number) => model.runOn(lane, [size(count)], { outputNames: ['sum'] });
    const ending = run(3_000);
    setTimeout(() => lane.terminate(), 50);
    await expect(ending).rejects.toMatchObject({
      code: 'engine_failed',
      message: expect.stringMatching(/terminat/i),
    });
    expect((await run(2)).outputs[0]?.shape).toEqual([]);
  });

  it('settle what they have before they close, and take nothing afterwards', async () => {
    const lane = RuntimeLane.open();
    const model = await RuntimeModel.loadOn(lane, fashionModel());
    const runs = [1, 2, 3].map((seed) => model.runOn(lane, [inputOf(seed)], { outputNames }));
    await Promise.all([lane.close(), lane.close()]);
    expect((await Promise.all(runs)).length).toBe(3);
    await expect(model.runOn(lane, [inputOf(4)], { outputNames })).rejects.toMatchObject({
      code: 'engine_failed',
    });
  });

  it('load the file of an image as it lies on the disk', async () => {
    const model = await RuntimeModel.load(
      readFileSync(new URL('../../../samples/fashion/model.onnx', import.meta.url)),
    );
    expect([model.inputNames, model.outputNames]).toEqual([['input'], ['logits']]);
  });
});
