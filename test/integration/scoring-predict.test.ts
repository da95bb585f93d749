import { describe, expect, it } from 'vitest';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { startScoring } from '../support/local-scoring.ts';
import { busyModel, identityModel } from '../support/serving-models.ts';

const image = [...floatInput(fashionSet(), 0)];
const path = '/v1/models/fashion:predict';

describe("TensorFlow Serving's and KServe's predict", () => {
  it('takes rows and columns, with the numbers of the other dialects', async () => {
    const scoring = await startScoring({ npu: 'ci' });
    const digest = await scoring.deploy('fashion', { accelerate: 'ci', version: 4 });
    const azure = (await scoring.post('/score', { input: [image] })).json as { logits: number[][] };
    const [logits] = azure.logits;
    const bodies: [unknown, unknown][] = [
      [{ instances: [image, image] }, { predictions: [logits, logits] }],
      [{ instances: [{ input: image }] }, { predictions: [logits] }],
      [{ signature_name: 'serving_default', inputs: [image] }, { outputs: [logits] }],
      [{ inputs: { input: [image, image] } }, { outputs: [logits, logits] }],
    ];
    for (const url of [path, '/v1/models/fashion/versions/4:predict']) {
      for (const [body, expected] of bodies) {
        const answer = await scoring.post(url, body, { headers: { 'x-sluice-route': 'fpga-sim' } });
        expect([answer.status, answer.json]).toEqual([200, expected]);
        expect(answer.headers.get('x-sluice-image')).toBe(digest);
        expect(answer.headers.get('x-sluice-route')).toBe('fpga-sim');
      }
    }
  });

  it('names inputs and outputs where there are several, bytes as base64 too', async () => {
    const scoring = await startScoring();
    await scoring.deploy('identity', { model: identityModel(['INT32', 'BYTES']) });
    const base64 = { b64: Buffer.from('Möwe').toString('base64') };
    const rows = await scoring.post('/v1/models/identity:predict', {
      instances: [
        { in_int32: [1, 2, 3], in_bytes: ['a', 'b', base64] },
        { in_int32: [4, 5, 6], in_bytes: ['', 'longer', 'c'] },
      ],
    });
    expect(rows.json).toEqual({
      predictions: [
        { out_int32: [1, 2, 3], out_bytes: ['a', 'b', 'Möwe'] },
        { out_int32: [4, 5, 6], out_bytes: ['', 'longer', 'c'] },
      ],
    });
    const columns = await scoring.post('/v1/models/identity:predict', {
      inputs: { in_int32: [[1, 2, 3]], in_bytes: [['a', { b64: '/w==' }, base64]] },
    });
    // What is not UTF-8 comes back in base64.
    const out_bytes = [['a', { b64: '/w==' }, 'Möwe']];
    expect(columns.json).toEqual({ outputs: { out_int32: [[1, 2, 3]], out_bytes } });
  });

  it('describes models to clients of either', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion', { version: 2 });
    expect((await scoring.get('/v1/models')).json).toEqual({ models: ['fashion'] });
    for (const url of ['/v1/models/fashion', '/v1/models/fashion/versions/2']) {
      expect((await scoring.get(url)).json).toEqual({
        name: 'fashion',
        ready: true,
        model_version_status: [
          { version: '2', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
        ],
      });
    }
    const metadata = await scoring.get('/v1/models/fashion/metadata');
    expect(metadata.json).toMatchObject({
      model_spec: { name: 'fashion', version: '2' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                input: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '-1' }, { size: '784' }] } },
              },
            },
          },
        },
      },
    });
  });

  it('reads and writes floats of 16 bits', async () => {
    const scoring = await startScoring();
    await scoring.deploy('identity', { model: identityModel(['FP16', 'BF16']) });
    const metadata = await scoring.get('/v1/models/identity/metadata');
    expect(metadata.json).toMatchObject({
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: { inputs: { in_fp16: { dtype: 'DT_HALF' }, in_bf16: { dtype: 'DT_BFLOAT16' } } },
          },
        },
      },
    });
    // Between 1 and the next element: the middle goes to the even one, all beyond it to the other.
    const answer = await scoring.post('/v1/models/identity:predict', {
      inputs: {
        in_fp16: [[1 + 2 ** -11, 1 + 2 ** -11 + 2 ** -52, 'NaN']],
        in_bf16: [[1 + 2 ** -8, 1 + 2 ** -8 + 2 ** -52, '-Infinity']],
      },
    });
    expect(answer.json).toEqual({
      outputs: {
        out_fp16: [[1, 1.0009766, 'NaN']],
        out_bf16: [[1, 1 + 2 ** -7, '-Infinity']],
      },
    });
  });

  it('refuses what it cannot read, and goes on', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    await scoring.deploy('identity', { model: identityModel(['INT32', 'BYTES']) });
    await scoring.deploy('busy', { model: busyModel() });
    const identity = '/v1/models/identity:predict';
    const cases: [number, string, string, unknown][] = [
      [400, 'invalid_json', path, '{"instances":'],
      [400, 'invalid_request', path, []],
      [400, 'invalid_request', path, {}],
      [400, 'invalid_request', path, { instances: [image], inputs: [image] }],
      [400, 'invalid_request', path, { instances: [] }],
      [400, 'invalid_request', path, { instances: 5 }],
      [400, 'invalid_request', path, { instances: [image], signature_name: 'train' }],
      [400, 'tensor_shape', path, { instances: [[1, 2]] }],
      [400, 'tensor_data', path, { instances: [image, image.slice(1)] }],
      [400, 'tensor_data', path, { instances: [['x', ...image.slice(1)]] }],
      [400, 'tensor_name', path, { inputs: { other: [image] } }],
      [400, 'tensor_name', identity, { inputs: { in_int32: [[1, 2, 3]] } }],
      [400, 'invalid_request', identity, { instances: [[1, 2, 3]] }],
      [
        400,
        'tensor_data',
        identity,
        { inputs: { in_int32: [[1, 2, 3]], in_bytes: [['', '', { b64: '!' }]] } },
      ],
      [400, 'tensor_data', identity, '{"inputs":{"in_int32":[[1,2,3]],"in_bytes":[["","","\\ud800"]]}}'],
      [400, 'tensor_shape', identity, `{"inputs":{"in_bytes":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`],
      [
        400,
        'invalid_request',
        identity,
        { instances: [{ in_int32: [1, 2, 3], in_bytes: ['', '', ''] }, {}] },
      ],
      // Its output is a scalar, which has no rows.
      [400, 'invalid_request', '/v1/models/busy:predict', { instances: [8, 8] }],
      [404, 'not_found', '/v1/models/fashion', { instances: [image] }],
      [404, 'not_found', '/v1/models/fashion:classify', { instances: [image] }],
      [404, 'unknown_model', '/v1/models/other:predict', { instances: [image] }],
      [404, 'unknown_model', '/v1/models/fashion/versions/9:predict', { instances: [image] }],
    ];
    for (const [status, code, url, body] of cases) {
      const answer = await scoring.post(url, body);
      const brief = String(typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 100);
      expect([url, brief, answer.status, answer.code]).toEqual([url, brief, status, code]);
    }
    const columns = await scoring.post('/v1/models/busy:predict', { inputs: [8, 8] });
    expect(columns.json).toEqual({ outputs: 0 });
    expect((await scoring.post(path, { instances: [image] })).status).toBe(200);
  });
});
