import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { startScoring } from '../support/local-scoring.ts';
import { busyModel, identityModel } from '../support/serving-models.ts';

const image = [...floatInput(fashionSet(), 0)];

interface Swagger {
  swagger?: string;
  openapi?: string;
  info: { title: string; version: string };
  paths: Record<string, { post?: { operationId: string } }>;
  definitions?: Record<string, object>;
  components?: { schemas: Record<string, object> };
}

function schemasOf({ definitions, components }: Swagger): Record<string, object> {
  return definitions ?? components?.schemas ?? {};
}

describe('/swagger.json', () => {
  it.each([
    ['', '2.0'],
    ['?version=2', '2.0'],
    ['?version=3', '3.0.3'],
    ['?version=3.1', '3.1.0'],
  ])('%j describes what /score takes and gives', async (query, expected) => {
    const scoring = await startScoring();
    await scoring.deploy('fashion', { version: 5 });
    const answer = await scoring.get(`/swagger.json${query}`);
    expect(answer.status).toBe(200);
    const swagger = answer.json as Swagger;
    expect(swagger.swagger ?? swagger.openapi).toBe(expected);
    expect(swagger.info).toMatchObject({ title: 'fashion', version: '5' });
    expect(swagger.paths['/score']?.post?.operationId).toBe('RunMLService');
    const { ServiceInput, ServiceOutput, ErrorResponse } = schemasOf(swagger);
    const ajv = new Ajv({ strict: false });
    const takes = ajv.compile(ServiceInput as object);
    for (const [body, fits] of [
      [{ input: [image, image] }, true],
      [{ input: [image.slice(1)] }, false],
      [{ input: [] }, false],
      [{ input: [['x', ...image.slice(1)]] }, false],
      [{}, false],
    ] as const) {
      expect(takes(body)).toBe(fits);
      const scored = await scoring.post('/score', body);
      expect(scored.status).toBe(fits ? 200 : 400);
      expect(ajv.validate((fits ? ServiceOutput : ErrorResponse) as object, scored.json)).toBe(true);
    }
  });

  it('has an example that the endpoint takes, every datatype', async () => {
    const scoring = await startScoring();
    const all = ['BOOL', 'UINT8', 'INT16', 'INT64', 'FP16', 'BF16', 'FP32', 'FP64', 'BYTES'] as const;
    await scoring.deploy('identity', { model: identityModel(all) });
    await scoring.deploy('busy', { model: busyModel() });
    for (const name of ['identity', 'busy']) {
      const base = `/api/v1/service/${name}`;
      const swagger = (await scoring.get(`${base}/swagger.json`)).json as Swagger;
      expect(Object.keys(swagger.paths)).toContain(`${base}/score`);
      const { example } = schemasOf(swagger).ServiceInput as { example: object };
      const answer = await scoring.post(`${base}/score`, example);
      expect(answer.status).toBe(200);
      const ajv = new Ajv({ strict: false });
      expect(ajv.validate(schemasOf(swagger).ServiceOutput as object, answer.json)).toBe(true);
    }
    const several = await scoring.get('/swagger.json');
    expect([several.status, several.code]).toEqual([400, 'invalid_request']);
    const pinned = await scoring.get('/swagger.json', { 'azureml-model-deployment': 'busy' });
    expect((pinned.json as Swagger).info.title).toBe('busy');
  });

  it('is 404 for a script, 400 for a version that is none', async () => {
    const scoring = await startScoring();
    expect((await scoring.get('/swagger.json')).code).toBe('not_ready');
    await scoring.deploy('scripted', { script: 'export const run = () => 1;' });
    const scripted = await scoring.get('/swagger.json');
    expect([scripted.status, scripted.code]).toEqual([404, 'not_found']);
    const version = await scoring.get('/swagger.json?version=4');
    expect([version.status, version.code]).toEqual([400, 'invalid_request']);
    expect((await scoring.get('/api/v1/service/other/swagger.json')).code).toBe('unknown_model');
  });
});

describe('OPTIONS', () => {
  it('says what a path takes', async () => {
    const scoring = await startScoring();
    for (const [path, allow] of [
      ['/score', 'GET, POST, OPTIONS'],
      ['/v2/models/fashion/infer', 'POST, OPTIONS'],
    ] as const) {
      const answer = await fetch(scoring.url + path, { method: 'OPTIONS' });
      expect([answer.status, answer.headers.get('allow')]).toEqual([204, allow]);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('lets the pages in that the device names', async () => {
    const scoring = await startScoring({ endpoint: { corsOrigins: ['https://dashboard.example'] } });
    await scoring.deploy('fashion');
    const preflight = (origin: string): Promise<Response> =>
      fetch(`${scoring.url}/score`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type, authorization',
        },
      });
    const known = await preflight('https://dashboard.example');
    expect(known.status).toBe(204);
    expect(Object.fromEntries(known.headers)).toMatchObject({
      'access-control-allow-origin': 'https://dashboard.example',
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'content-type, authorization',
      vary: 'origin',
    });
    const other = await preflight('https://elsewhere.example');
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    const headers = { origin: 'https://dashboard.example' };
    const scored = await scoring.post('/score', { input: [image] }, { headers });
    expect(scored.headers.get('access-control-allow-origin')).toBe('https://dashboard.example');
    expect(scored.headers.get('access-control-expose-headers')).toContain('x-sluice-route');
    const refused = await scoring.post('/score', {}, { headers });
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
      400,
      'https://dashboard.example',
    ]);
  });

  it('keeps pages of other origins from changing or computing anything', async () => {
    const scoring = await startScoring({ endpoint: { allowsModelControl: true } });
    await scoring.deploy('fashion');
    const headers = { origin: 'https://elsewhere.example', 'content-type': 'text/plain' };
    for (const path of ['/v2/repository/models/fashion/unload', '/score', '/v2/models/fashion/infer']) {
      const answer = await scoring.post(path, { input: [image] }, { headers });
      expect([answer.status, answer.code]).toEqual([403, 'forbidden']);
    }
    const own = { origin: `http://127.0.0.1:${scoring.port}` };
    expect((await scoring.post('/score', { input: [image] }, { headers: own })).status).toBe(200);
  });

  it('HEAD looks where GET does, and computes nothing', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const head = (path: string): Promise<Response> => fetch(scoring.url + path, { method: 'HEAD' });
    expect((await head('/')).status).toBe(200);
    expect((await head('/v2/health/ready')).status).toBe(200);
    const score = await head('/score');
    expect([score.status, score.headers.get('allow')]).toEqual([405, 'GET, POST, OPTIONS']);
  });

  it('lets any page in where the device says so', async () => {
    const scoring = await startScoring({ endpoint: { corsOrigins: ['*'] } });
    const answer = await scoring.get('/v2/health/live', { origin: 'https://anywhere.example' });
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  });
});
