import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CompileOptions, compileModel } from '../../compiler/compile.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { FloatModel } from '../support/float-model.ts';
import { floatMobileNetV2 } from '../support/float-networks.ts';
import { repositoryPath } from '../support/paths.ts';
import { seededRandom } from '../support/random.ts';
import { runCanonical, runCompiled, topOf } from '../support/run-compiled.ts';

function bytes(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(repositoryPath('test', 'golden', ...path)));
}

interface Inputs {
  name: string;
  shape: number[];
  values: Uint8Array;
  count: number;
  toInput: (value: number) => number;
}

function samplesOf({ name, shape, values, count, toInput }: Inputs): Tensor[][] {
  const size = shape.reduce((product, length) => product * length, 1);
  return Array.from({ length: count }, (_, index) => {
    const floats = Float32Array.from(values.subarray(index * size, (index + 1) * size), toInput);
    return [{ name, datatype: 'FP32' as const, shape, data: new Uint8Array(floats.buffer) }];
  });
}

const digits = (shape: number[]): Tensor[][] =>
  samplesOf({
    name: 'input',
    shape,
    values: bytes('digits', 'images.u8'),
    count: 32,
    toInput: (pixel) => pixel / 16,
  });
const fashion = (shape: number[]): Tensor[][] =>
  samplesOf({
    name: 'input',
    shape,
    values: bytes('fashion', 'images-first1000.u8'),
    count: 32,
    toInput: (pixel) => Math.fround(pixel / 255),
  });
const lines = (): Tensor[][] =>
  samplesOf({
    name: 'x',
    shape: [1, 3, 48, 192],
    values: bytes('ocr', 'direction-lines.u8'),
    count: 10,
    toInput: (pixel) => pixel / 127.5 - 1,
  });

const forms: [string, () => Uint8Array, number[], boolean][] = [
  ['digits MLP, float', () => bytes('digits', 'digits_mlp_f32.onnx'), [1, 64], true],
  ['digits MLP, QDQ', () => bytes('digits', 'digits_mlp_qdq_pc.onnx'), [1, 64], false],
  ['digits MLP, QLinear', () => bytes('digits', 'digits_mlp_qop_pt.onnx'), [1, 64], false],
  ['digits CNN, float', () => bytes('digits', 'digits_cnn_f32.onnx'), [1, 1, 8, 8], true],
  ['digits CNN, QDQ', () => bytes('digits', 'digits_cnn_qdq_pc.onnx'), [1, 1, 8, 8], false],
  ['digits CNN, QLinear', () => bytes('digits', 'digits_cnn_qop_pc.onnx'), [1, 1, 8, 8], false],
  ['fashion MLP, float', () => bytes('fashion', 'fashion_mlp_f32.onnx'), [1, 784], true],
  ['fashion CNN, float', () => bytes('fashion', 'fashion_cnn_f32.onnx'), [1, 1, 28, 28], true],
  ['fashion CNN, QDQ', () => bytes('fashion', 'fashion_cnn_qdq_pc.onnx'), [1, 1, 28, 28], false],
  ['fashion CNN, QLinear', () => bytes('fashion', 'fashion_cnn_qop_pc.onnx'), [1, 1, 28, 28], false],
];

/** What hand-written pooling, Inception and ShuffleNet have between their convolutions. */
function poolsAndShuffles(): Uint8Array {
  const model = new FloatModel({ seed: 41 });
  const convolved = model.add('Relu', [
    model.convolution(model.input('x', [1, 3, 15, 14]), { from: 3, to: 24, kernel: [3, 3] }),
  ]);
  const pads = model.integers([0, 0, 1, 1, 0, 0, 1, 1]);
  const padded = model.add('Pad', [convolved, pads, model.scalar(Number.NEGATIVE_INFINITY)]);
  const branches = [
    model.add('MaxPool', [padded], { kernel_shape: [3, 3] }),
    model.add('AveragePool', [convolved], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    model.add('AveragePool', [convolved], { kernel_shape: [5, 5], pads: [2, 2, 2, 2] }),
  ];
  const groups = model.add('Reshape', [
    model.add('Concat', branches, { axis: 1 }),
    model.integers([1, 3, 24, 13, 12]),
  ]);
  const turned = model.add('Transpose', [groups], { perm: [0, 2, 1, 3, 4] });
  const shuffled = model.add('Reshape', [turned, model.integers([1, 72, 13, 12])]);
  const last = model.convolution(shuffled, { from: 72, to: 36, groups: 3 });
  return model.write([
    model.add('AveragePool', [last], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }),
  ]);
}

describe('compileModel', () => {
  it.each(['ci', 'kv260-l'])('pools and shuffles: one answer on %s', async (configuration) => {
    const random = seededRandom(5);
    const values = Uint8Array.from({ length: 8 * 630 }, () => random() >>> 24);
    const toInput = (value: number): number => value / 127.5 - 1;
    const samples = samplesOf({ name: 'x', shape: [1, 3, 15, 14], values, count: 8, toInput });
    const compiled = await compileModel(poolsAndShuffles(), { configuration, calibration: samples });
    const { multiplyAccumulates, quantisation, placement } = compiled.report;
    expect(multiplyAccumulates.npu).toBe(multiplyAccumulates.total);
    // Of the two convolutions: averages and shuffles are work of the NPU, not of the model.
    expect(multiplyAccumulates.total).toBe(13 * 12 * (24 * 27 + 36 * 24));
    expect(new Set(placement.map((node) => node.placement))).toEqual(new Set(['npu']));
    expect(quantisation.score?.decibels).toBeGreaterThan(35);
    const answers = await runCompiled(compiled, { configuration, samples });
    for (const [index, sample] of samples.entries()) {
      const expected = await runCanonical(compiled, sample);
      expect(expected.size).toBe(1);
      for (const [name, tensor] of expected) expect(answers[index]?.get(name)).toEqual(tensor);
    }
  });

  it.each(forms)('%s: program and canonical model give one answer', async (_, model, shape, isFloat) => {
    const samples = shape.includes(64) || shape.includes(8) ? digits(shape) : fashion(shape);
    for (const configuration of ['ci', 'kv260-l']) {
      const options: CompileOptions = { configuration, ...(isFloat ? { calibration: samples } : {}) };
      const compiled = await compileModel(model(), options);
      expect(compiled.signature.inputs[0]?.shape).toEqual([-1, ...shape.slice(1)]);
      expect(compiled.report.multiplyAccumulates.npu).toBe(compiled.report.multiplyAccumulates.total);
      const shown = samples.slice(0, 4);
      const answers = await runCompiled(compiled, { configuration, samples: shown });
      for (const [index, sample] of shown.entries()) {
        const expected = (await runCanonical(compiled, sample)).get('logits');
        expect(answers[index]?.get('logits')).toEqual(expected);
      }
    }
  });

  it("PaddleOCR's direction classifier, operator set 9: 10 lines of 10, Softmax on the host", async () => {
    const configuration = 'kv260-m';
    const samples = lines();
    const compiled = await compileModel(bytes('ocr', 'ch_ppocr_mobile_v2.0_cls_infer.onnx'), {
      configuration,
      shapes: { x: [1, 3, 48, 192] },
      // Only the first line of each kind is seen before.
      calibration: [samples[0] ?? [], samples[5] ?? []],
    });
    const answers = await runCompiled(compiled, { configuration, samples });
    const tops = answers.map((tensors) => topOf(tensors.get('softmax_0.tmp_0')));
    expect(tops).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    const whole = (await runCanonical(compiled, samples[3] ?? [])).get('softmax_0.tmp_0');
    expect(answers[3]?.get('softmax_0.tmp_0')).toEqual(whole);
    const host = compiled.report.placement.filter(({ placement }) => placement.startsWith('host'));
    expect(host.map(({ operator }) => operator)).toEqual(['Softmax']);
  }, 60_000);

  it('MobileNetV2 at 96 x 96, all of it on the NPU', async () => {
    const random = seededRandom(3);
    const shape = [1, 3, 96, 96];
    const values = Uint8Array.from({ length: 4 * 3 * 96 * 96 }, () => random() >>> 24);
    const calibration = samplesOf({ name: 'input', shape, values, count: 4, toInput: (v) => v / 128 - 1 });
    const { report } = await compileModel(floatMobileNetV2({ resolution: 96, width: 0.5 }), {
      configuration: 'kv260-l',
      calibration,
      quantise: { observer: 'min-max', equalises: false, correctsBias: false },
    });
    expect(report.multiplyAccumulates.npu).toBe(report.multiplyAccumulates.total);
    expect(report.estimate).toMatchObject({ label: 'estimated', calibrated: 'none' });
    expect(report.layers.reduce((sum, { cycles }) => sum + cycles, 0)).toBe(report.estimate.cycles);
    expect(report.layers.every(({ decibels }) => decibels !== undefined)).toBe(true);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  }, 60_000);
});
