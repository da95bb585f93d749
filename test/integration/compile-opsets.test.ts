import { describe, expect, it } from 'vitest';
import { compileModel } from '../../compiler/compile.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { FloatModel, float } from '../support/float-model.ts';
import { seededRandom } from '../support/random.ts';
import { runCanonical, runCompiled } from '../support/run-compiled.ts';

const shape = [1, 3, 12, 12];

/** Pad, Clip, MaxPool, Add and Resize as an exporter of that operator set writes them, before a Softmax. */
function modelOfOpset(opset: number): Uint8Array {
  const model = new FloatModel({ opset, seed: opset });
  const edges = [0, 0, 1, 1, 0, 0, 1, 1];
  const x = model.input('x', shape);
  const padded =
    opset < 11
      ? model.add('Pad', [x], { pads: edges, value: float(0.25) })
      : model.add('Pad', [x, model.integers(edges), model.scalar(0.25)]);
  const convolved = model.convolution(padded, { from: 3, to: 8, kernel: [3, 3] });
  const clipped =
    opset < 11
      ? model.add('Clip', [convolved], { min: float(0), max: float(6) })
      : model.add('Clip', [convolved, model.scalar(0), model.scalar(6)]);
  const pooled = model.add('MaxPool', [clipped], { kernel_shape: [2, 2], strides: [2, 2] });
  const factors = model.floats([1, 1, 2, 2]);
  const raised = resized();
  const joined = model.add('Add', [clipped, raised]);
  const mean = model.add('GlobalAveragePool', [
    model.convolution(joined, { from: 8, to: 5, kernel: [3, 3] }),
  ]);
  return model.write([model.add('Softmax', [model.add('Flatten', [mean])], { axis: 1 })]);

  function resized(): string {
    if (opset === 9) return model.add('Upsample', [pooled, factors], { mode: 'nearest' });
    if (opset === 10) return model.add('Resize', [pooled, factors], { mode: 'nearest' });
    const region = opset < 13 ? model.floats([]) : '';
    return model.add('Resize', [pooled, region, factors], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    });
  }
}

function randomSamples(count: number): Tensor[][] {
  const random = seededRandom(17);
  return Array.from({ length: count }, () => {
    const floats = Float32Array.from({ length: 432 }, () => random() / 2 ** 31 - 1);
    return [{ name: 'x', datatype: 'FP32', shape, data: new Uint8Array(floats.buffer) }];
  });
}

describe('a float model', () => {
  it.each([9, 10, 11, 12, 13, 14, 16, 18, 19, 21])('of operator set %i compiles whole', async (opset) => {
    const samples = randomSamples(4);
    const configuration = 'ci';
    const compiled = await compileModel(modelOfOpset(opset), { configuration, calibration: samples });
    const stayed = compiled.report.placement.filter(({ placement }) => placement !== 'npu');
    expect(stayed.map(({ operator }) => operator)).toEqual(['Softmax']);
    const [output] = compiled.signature.outputs;
    const answers = await runCompiled(compiled, { configuration, samples });
    for (const [index, sample] of samples.entries()) {
      const expected = (await runCanonical(compiled, sample)).get(output?.name ?? '');
      expect(answers[index]?.get(output?.name ?? '')).toEqual(expected);
    }
  });
});
