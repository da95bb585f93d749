import { describe, expect, it } from 'vitest';
import { recordGoldenOutputs } from '../../../compiler/golden.ts';
import { writeModel } from '../../../compiler/onnx/write-model.ts';
import { readModelSignature } from '../../../compiler/signature.ts';
import type { GoldenTensor } from '../../../contract/tensors.ts';
import { fashionSet } from '../../support/golden-sets.ts';
import { constant, floatValue, modelOf, node } from '../../support/onnx-models.ts';

const set = fashionSet();
const signature = readModelSignature(set.model);

const plain = (model: Uint8Array) => ({ model, keepsQuantisation: false });

function sampleOf(image: number): GoldenTensor {
  const pixels = set.images.subarray(image * 784, (image + 1) * 784);
  const values = Float32Array.from(pixels, (pixel) => pixel / 255);
  const data = Buffer.from(values.buffer).toString('base64');
  return { name: 'input', datatype: 'FP32', shape: [1, 784], data };
}

describe('recordGoldenOutputs', () => {
  it('keeps the inputs and adds what the model answers', async () => {
    const inputs = [[sampleOf(0)], [sampleOf(1)]];
    const recorded = await recordGoldenOutputs(plain(set.model), { signature: signature, inputs: inputs });
    expect(recorded.samples.map((sample) => sample.inputs)).toEqual(inputs);
    for (const [image, { outputs }] of recorded.samples.entries()) {
      expect(outputs).toMatchObject([{ name: 'logits', datatype: 'FP32', shape: [1, 10] }]);
      const bytes = new Uint8Array(Buffer.from(outputs[0]?.data ?? '', 'base64'));
      const logits = [...new Float32Array(bytes.buffer)];
      const levels = [...set.logits.subarray(image * 10, image * 10 + 10)];
      const scale = (logits[0] ?? 0) / (levels[0] ?? 0);
      for (const [index, level] of levels.entries()) expect(logits[index]).toBeCloseTo(level * scale, 4);
    }
  });

  const good = sampleOf(0);
  it.each([
    ['tensor_name', [], /"input" is missing/],
    ['tensor_name', [{ ...good, name: 'other' }], /sample 0: input "other" is unknown/],
    ['tensor_name', [good, good], /given twice/],
    ['tensor_datatype', [{ ...good, datatype: 'FP64' }], /FP64, FP32 expected/],
    ['tensor_shape', [{ ...good, shape: [784] }], /\[784\]/],
    ['tensor_shape', [{ ...good, shape: [1, 783] }], /\[1,783\]/],
    ['tensor_data', [{ ...good, data: 'AAAA' }], /3 bytes, 3136 bytes expected/],
  ] as [string, GoldenTensor[], RegExp][])('refuses with %s', async (code, sample, message) => {
    await expect(
      recordGoldenOutputs(plain(set.model), { signature, inputs: [sample] }),
    ).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('says so when ONNX Runtime cannot load or run the model', async () => {
    const options = {
      initialisers: [constant.float('w', [1, 2, 3])],
      inputs: [floatValue('input', [-1, -1])],
    };
    const outputs = [floatValue('y', [-1, -1])];
    const unknown = modelOf({
      ...options,
      outputs,
      nodes: [node('Nonsense', { inputs: ['input'], outputs: ['y'] })],
    });
    const sum = modelOf({
      ...options,
      outputs,
      nodes: [node('Add', { inputs: ['input', 'w'], outputs: ['y'] })],
    });
    for (const [model, code] of [
      [unknown, 'model_invalid'],
      [sum, 'engine_failed'],
    ] as const) {
      const bytes = writeModel(model);
      const recording = recordGoldenOutputs(plain(bytes), {
        signature: readModelSignature(bytes),
        inputs: [[{ ...good, shape: [1, 784] }]],
      });
      await expect(recording).rejects.toMatchObject({ code, message: expect.not.stringContaining('\n') });
    }
  });
});
