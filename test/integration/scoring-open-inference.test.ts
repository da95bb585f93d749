import { describe, expect, it } from 'vitest';
import { datatypeBytes } from '../../contract/tensor-data.ts';
import type { Datatype } from '../../contract/tensors.ts';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { startScoring } from '../support/local-scoring.ts';
import { identityModel } from '../support/serving-models.ts';

const image = [...floatInput(fashionSet(), 0)];
const input = { name: 'input', shape: [1, 784], datatype: 'FP32', data: image as unknown };

interface InferAnswer {
  id?: string;
  model_name: string;
  model_version: string;
  outputs: { name: string; shape: number[]; datatype: string; data: unknown[] }[];
}

describe('Open Inference Protocol', () => {
  it('describes server and models', async () => {
    const scoring = await startScoring();
    const digest = await scoring.deploy('fashion', { version: 3 });
    for (const path of ['/v2', '/v2/']) {
      const server = await scoring.get(path);
      expect(server.status).toBe(200);
      expect(server.json).toMatchObject({
        name: 'sluice',
        extensions: expect.arrayContaining(['binary_tensor_data', 'statistics']),
      });
    }
    for (const path of ['/v2/models/fashion', '/v2/models/fashion/versions/3']) {
      const model = await scoring.get(path);
      expect(model.headers.get('x-sluice-image')).toBe(digest);
      expect(model.json).toEqual({
        name: 'fashion',
        versions: ['3'],
        platform: 'onnxruntime_onnx',
        inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 784] }],
        outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 10] }],
      });
      expect((await scoring.get(`${path}/ready`)).json).toEqual({ name: 'fashion', ready: true });
    }
  });

  it('is ready once something is served', async () => {
    const scoring = await startScoring();
    expect((await scoring.get('/v2/health/live')).json).toEqual({ live: true });
    const before = await scoring.get('/v2/health/ready');
    expect([before.status, before.code]).toEqual([503, 'not_ready']);
    expect(before.json).toMatchObject({ ready: false, live: true });
    await scoring.deploy('fashion');
    const after = await scoring.get('/v2/health/ready');
    expect([after.status, after.json]).toEqual([200, { ready: true, live: true }]);
    await scoring.deployments.remove('fashion');
    expect((await scoring.get('/v2/health/ready')).status).toBe(503);
  });

  it('infers from flat and nested data, with or without id and version', async () => {
    const scoring = await startScoring();
    const digest = await scoring.deploy('fashion', { version: 2 });
    const flat = await scoring.post('/v2/models/fashion/infer', { id: 'a"b', inputs: [input] });
    expect(flat.status).toBe(200);
    expect(flat.headers.get('x-sluice-route')).toBe('cpu');
    expect(flat.headers.get('x-sluice-image')).toBe(digest);
    const answer = flat.json as InferAnswer;
    expect(answer).toMatchObject({ id: 'a"b', model_name: 'fashion', model_version: '2' });
    expect(answer.outputs[0]).toMatchObject({ name: 'logits', datatype: 'FP32', shape: [1, 10] });
    const logits = answer.outputs[0]?.data as number[];
    expect(logits.indexOf(Math.max(...logits))).toBe(9);

    const nested = await scoring.post('/v2/models/fashion/versions/2/infer', {
      inputs: [{ ...input, shape: [2, 784], data: [image, image] }],
      outputs: [{ name: 'logits' }],
    });
    const both = nested.json as InferAnswer;
    expect(both).not.toHaveProperty('id');
    expect(both.outputs[0]?.shape).toEqual([2, 10]);
    expect(both.outputs[0]?.data).toEqual([...logits, ...logits]);
  });

  it('carries every datatype through ONNX Runtime unchanged', async () => {
    const rows: [Datatype, unknown[]][] = [
      ['BOOL', [true, false, true]],
      ['UINT8', [0, 7, 255]],
      ['UINT16', [0, 7, 65_535]],
      ['UINT32', [0, 7, 4_294_967_295]],
      ['UINT64', [0, 7, '18446744073709551615']],
      ['INT8', [-128, 7, 127]],
      ['INT16', [-32_768, 7, 32_767]],
      ['INT32', [-2_147_483_648, 7, 2_147_483_647]],
      ['INT64', ['-9223372036854775808', 7, '9223372036854775807']],
      ['FP16', [0.5, 'NaN', '-Infinity']],
      ['BF16', [0.5, 'NaN', '-Infinity']],
      ['FP32', [0.5, 'NaN', '-Infinity']],
      ['FP64', [0.1, 'NaN', 'Infinity']],
      ['BYTES', ['', 'Möwe', 'a"b']],
    ];
    expect(rows.map(([datatype]) => datatype).sort()).toEqual(Object.keys(datatypeBytes).sort());
    const scoring = await startScoring();
    await scoring.deploy('identity', { model: identityModel(rows.map(([datatype]) => datatype)) });
    const answer = await scoring.post('/v2/models/identity/infer', {
      inputs: rows.map(([datatype, data]) => ({
        name: `in_${datatype.toLowerCase()}`,
        shape: [1, 3],
        datatype,
        data,
      })),
      // In another order than the model's.
      outputs: rows.map(([datatype]) => ({ name: `out_${datatype.toLowerCase()}` })).reverse(),
    });
    expect(answer.status).toBe(200);
    expect((answer.json as InferAnswer).outputs).toEqual(
      rows
        .map(([datatype, data]) => ({ name: `out_${datatype.toLowerCase()}`, shape: [1, 3], datatype, data }))
        .reverse(),
    );
  });

  it('takes a body of any content type, also none and a malformed one', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const body = new TextEncoder().encode(JSON.stringify({ inputs: [input] }));
    for (const type of [undefined, 'application/json', 'text/plain', 'image', '///', 'a/b; ;c']) {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
      const answer = await scoring.post('/v2/models/fashion/infer', body, { headers });
      expect([type, answer.status]).toEqual([type, 200]);
    }
  });

  it('refuses bad requests by name and goes on answering', async () => {
    const scoring = await startScoring();
    const digest = await scoring.deploy('fashion');
    const cases: [string, string, unknown][] = [
      ['invalid_json', 'not JSON', '{"inputs":[{"name"'],
      ['invalid_json', 'an empty body', ''],
      ['invalid_request', 'no object', [1]],
      ['invalid_request', 'no inputs', {}],
      ['invalid_request', 'an empty list', { inputs: [] }],
      ['invalid_request', 'a shape of text', { inputs: [{ ...input, shape: 'x' }] }],
      ['invalid_request', 'a negative dimension', { inputs: [{ ...input, shape: [-1, 784] }] }],
      ['invalid_request', 'a fraction as dimension', { inputs: [{ ...input, shape: [1.5, 784] }] }],
      ['limit_exceeded', 'too many dimensions', { inputs: [{ ...input, shape: Array(17).fill(1) }] }],
      ['tensor_name', 'an unknown input', { inputs: [{ ...input, name: 'other' }] }],
      ['tensor_name', 'an input twice', { inputs: [input, input] }],
      ['tensor_name', 'an unknown output', { inputs: [input], outputs: [{ name: 'other' }] }],
      [
        'tensor_name',
        'an output twice',
        { inputs: [input], outputs: [{ name: 'logits' }, { name: 'logits' }] },
      ],
      ['tensor_datatype', 'another datatype', { inputs: [{ ...input, datatype: 'FP64' }] }],
      ['tensor_datatype', 'no datatype of the protocol', { inputs: [{ ...input, datatype: 'float' }] }],
      ['tensor_shape', 'another shape', { inputs: [{ ...input, shape: [1, 783] }] }],
      ['tensor_shape', 'another rank', { inputs: [{ ...input, shape: [784] }] }],
      ['tensor_shape', 'no item', { inputs: [{ ...input, shape: [0, 784], data: [] }] }],
      ['tensor_data', 'a shape beyond its data', { inputs: [{ ...input, shape: [1e12, 784] }] }],
      ['tensor_data', 'too little data', { inputs: [{ ...input, data: [1, 2] }] }],
      ['tensor_data', 'text among numbers', { inputs: [{ ...input, data: ['x', ...image.slice(1)] }] }],
      ['tensor_data', 'no data', { inputs: [{ name: 'input', shape: [1, 784], datatype: 'FP32' }] }],
    ];
    for (const [code, what, body] of cases) {
      const answer = await scoring.post('/v2/models/fashion/infer', body);
      expect([what, answer.status, answer.code]).toEqual([what, 400, code]);
      const { error, message } = answer.json as { error: string; message: string };
      expect(error).toBe(message);
      expect(error).not.toContain('\n');
      expect(answer.headers.get('x-sluice-image')).toBe(digest);
    }
    expect((await scoring.post('/v2/models/fashion/infer', { inputs: [input] })).status).toBe(200);
  });

  it('answers 404 for what is not served, 405 for other methods', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    for (const path of ['/v2/models/other', '/v2/models/fashion/versions/9', '/v2/models/x%2F..%2Fy/ready']) {
      const answer = await scoring.get(path);
      expect([answer.status, answer.code]).toEqual([404, 'unknown_model']);
      expect((answer.json as { error: string }).error).toMatch(/^Request for unknown model/);
    }
    const infer = await scoring.post('/v2/models/other/infer', { inputs: [input] });
    expect([infer.status, infer.code]).toEqual([404, 'unknown_model']);
    const wrongMethod = await scoring.get('/v2/models/fashion/infer');
    expect([wrongMethod.status, wrongMethod.code]).toEqual([405, 'method_not_allowed']);
    expect(wrongMethod.headers.get('allow')).toBe('POST, OPTIONS');
    const nowhere = await scoring.get('/v3');
    expect([nowhere.status, nowhere.code]).toEqual([404, 'not_found']);
  });

  it('refuses a body over 64 MiB with 413', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const body = new Uint8Array(64 * 1024 * 1024 + 1);
    const answer = await scoring.post('/v2/models/fashion/infer', body);
    expect([answer.status, answer.code]).toEqual([413, 'body_too_large']);
    expect((await scoring.get('/v2/health/live')).status).toBe(200);
  });
});
