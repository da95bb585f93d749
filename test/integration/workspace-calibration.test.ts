import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeCalibrationSet } from '../../compiler/calibration/calibration-set.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { repositoryPath } from '../support/paths.ts';
import { type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const digits = (file: string): Buffer => readFileSync(repositoryPath('test', 'golden', 'digits', file));

function digitSamples(count: number): Tensor[][] {
  const pixels = digits('images.u8');
  return Array.from({ length: count }, (_, index) => {
    const item = Float32Array.from(pixels.subarray(index * 64, (index + 1) * 64), (pixel) => pixel / 16);
    return [{ name: 'input', datatype: 'FP32', shape: [1, 1, 8, 8], data: new Uint8Array(item.buffer) }];
  });
}

async function registerFloat(workspace: RunningWorkspace): Promise<string> {
  const file = await workspace.upload(digits('digits_cnn_f32.onnx'));
  const { status } = await workspace.call('POST', '/models', { name: 'digits', file });
  expect(status).toBe(201);
  return 'digits:1';
}

describe('an image of a float model', () => {
  it('is accelerated with the calibration samples of the request', async () => {
    const workspace = await startWorkspace();
    const model = await registerFloat(workspace);
    const calibration = await workspace.upload(encodeCalibrationSet({ samples: digitSamples(8) }));
    const built = await workspace.call('POST', '/images', {
      name: 'digits',
      model,
      accelerate: 'ci',
      calibration,
      quantise: 'min-max',
      shapes: { input: [1, 1, 8, 8] },
    });
    expect(built).toMatchObject({ status: 201, body: { accelerated: 'ci' } });
  });

  it.each<[string, number, (upload: (bytes: Uint8Array) => Promise<string>) => Promise<object>, string]>([
    ['no samples', 400, async () => ({ accelerate: 'ci' }), 'tensor_data'],
    [
      'a set that is none',
      400,
      async (upload) => ({ accelerate: 'ci', calibration: await upload(Buffer.from('hello')) }),
      'invalid_request',
    ],
    ['an unknown method', 400, async () => ({ accelerate: 'ci', quantise: 'magic' }), 'usage'],
    ['nothing to compile for', 400, async () => ({ quantise: 'auto' }), 'invalid_request'],
  ])('is refused with %s', async (_what, status, fieldsOf, code) => {
    const workspace = await startWorkspace();
    const model = await registerFloat(workspace);
    const fields = await fieldsOf((bytes) => workspace.upload(bytes));
    const answer = await workspace.call('POST', '/images', { name: 'digits', model, ...fields });
    expect(answer).toMatchObject({ status, body: { code } });
  });
});
