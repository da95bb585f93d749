import { readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { parserOf } from '../../base/validate.ts';
import { limits } from '../../contract/limits.ts';
import { AddedDevice, Deployment, Device, DeviceBootstrap, Model } from '../../contract/workspace-api.ts';
import { eventually, type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const code = 'internal' as const;

const deeplyNested = Buffer.from(`{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);

/** Sends raw bytes to the API and gives everything it answered until it closed the connection. */
function exchange(workspace: RunningWorkspace, request: string): Promise<string> {
  const { hostname, port } = new URL(workspace.addresses.apiUrl);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (piece) => {
      answer += piece.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write(request);
  });
}

describe('the API answers', () => {
  it('health to everybody', async () => {
    const workspace = await startWorkspace();
    const response = await fetch(`${workspace.addresses.apiUrl}/api/v1/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ status: 'ok', workspace: 'local', broker: 'connected' });
  });

  it.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['another scheme', { authorization: 'Basic d3Jvbmc=' }],
  ])('401 to %s, on every other path', async (_what, headers) => {
    const workspace = await startWorkspace();
    for (const path of ['/models', '/images', '/devices', '/deployments', `/blobs/${digestOf('x')}`]) {
      const response = await fetch(`${workspace.addresses.apiUrl}/api/v1${path}`, { headers });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: 'unauthorized' });
    }
  });

  it('404 and 405 with the fields of every error', async () => {
    const workspace = await startWorkspace();
    const missing = await workspace.call('GET', '/nothing');
    expect(missing.status).toBe(404);
    expect(missing.body).toMatchObject({ code: 'not_found' });
    const wrong = await workspace.call('DELETE', '/models');
    expect(wrong.status).toBe(405);
    expect(wrong.body).toMatchObject({ code: 'method_not_allowed' });
    expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST');
    const { error, message } = wrong.body as { error: string; message: string };
    expect(error).toBe(message);
    const blob = await workspace.call('POST', `/blobs/${digestOf('x')}`, 'x');
    expect(blob.body).toMatchObject({ code: 'method_not_allowed' });
  });

  it.each([
    ['truncated JSON', '{"name":"o', 'invalid_json', 400],
    ['an empty body', undefined, 'invalid_request', 400],
    ['a body that is not an object', '[]', 'invalid_request', 400],
    ['an unknown field', '{"name":"one","x":1}', 'invalid_request', 400],
    ['a prototype as a field', '{"name":"one","__proto__":{"x":1}}', 'invalid_request', 400],
    ['a name that is none', '{"name":"a/b"}', 'invalid_request', 400],
    [
      'a body larger than the limit',
      `{"name":"${'x'.repeat(limits.apiBodyBytesMax)}"}`,
      'body_too_large',
      413,
    ],
  ])('%s with its code', async (_what, body, expected, status) => {
    const workspace = await startWorkspace();
    const answer = await workspace.call('POST', '/devices', body);
    expect(answer).toMatchObject({ status, body: { code: expected } });
  });

  it.each([
    ['application/x-www-form-urlencoded'],
    ['text/plain'],
    ['application/json; charset=utf-8'],
    ['garbage'],
  ])('JSON sent as %s', async (contentType) => {
    const workspace = await startWorkspace();
    const answer = await workspace.call('POST', '/devices', '{"name":"one"}', {
      'content-type': contentType,
    });
    expect(answer.status).toBe(201);
  });

  it('JSON sent without a content type', async () => {
    const workspace = await startWorkspace();
    const answer = await exchange(
      workspace,
      `POST /api/v1/devices HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${workspace.adminToken}\r\ncontent-length: 14\r\nconnection: close\r\n\r\n{"name":"one"}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 201 /);
  });
});

describe('the API answers in the form of every other error', () => {
  it.each([
    ['a path that cannot be decoded', 'GET', '/models/%zz', undefined, 400, 'invalid_request'],
    ['a name that is far too long', 'GET', `/models/${'a'.repeat(300)}`, undefined, 400, 'invalid_name'],
    ['a value nested too deeply', 'POST', '/devices', deeplyNested, 400, 'invalid_request'],
  ])('%s', async (_what, method, path, body, status, errorCode) => {
    const workspace = await startWorkspace();
    const answer = await workspace.call(method, path, body);
    expect(answer.status).toBe(status);
    const { error, message } = answer.body as { error: string; message: string };
    expect(answer.body).toEqual({ error, message: error, code: errorCode });
    expect(message).toBe(error);
  });

  it.each([
    ['what is not HTTP', 'GARBAGE\r\n\r\n', 400, 'invalid_request'],
    ['too large a header', `GET / HTTP/1.1\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ])('%s', async (_what, request, status, errorCode) => {
    const workspace = await startWorkspace();
    const answer = await exchange(workspace, request);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    const [, body] = answer.split('\r\n\r\n');
    expect(JSON.parse(body ?? '')).toMatchObject({ code: errorCode });
  });
});

describe('blobs', () => {
  it('come back as they went in', async () => {
    const workspace = await startWorkspace();
    const bytes = Buffer.alloc(300_000, 7);
    const digest = digestOf(bytes);
    expect((await workspace.call('PUT', `/blobs/${digest}`, bytes)).status).toBe(201);
    expect((await workspace.call('PUT', `/blobs/${digest}`, bytes)).status).toBe(200);
    const head = await workspace.call('HEAD', `/blobs/${digest}`);
    expect(head.headers.get('content-length')).toBe('300000');
    const response = await fetch(`${workspace.addresses.apiUrl}/api/v1/blobs/${digest}`, {
      headers: { authorization: `Bearer ${workspace.adminToken}` },
    });
    expect(digestOf(new Uint8Array(await response.arrayBuffer()))).toBe(digest);
  });

  it('are refused when their bytes differ from their digest, or have none', async () => {
    const workspace = await startWorkspace();
    const digest = digestOf('right');
    const wrong = await workspace.call('PUT', `/blobs/${digest}`, 'wrong');
    expect(wrong).toMatchObject({ status: 422, body: { code: 'blob_digest_mismatch' } });
    expect((await workspace.call('HEAD', `/blobs/${digest}`)).status).toBe(404);
    expect((await workspace.call('PUT', `/blobs/${digest}`)).body).toMatchObject({ code: 'invalid_request' });
    expect((await workspace.call('PUT', '/blobs/sha256:12', 'x')).body).toMatchObject({
      code: 'invalid_name',
    });
  });

  it('are refused by their announced size, before they are sent', async () => {
    const workspace = await startWorkspace();
    const answer = await exchange(
      workspace,
      `PUT /api/v1/blobs/${digestOf('x')} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${workspace.adminToken}\r\ncontent-length: ${limits.blobBytesMax + 1}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 413 /);
    expect(answer).toContain('body_too_large');
  });

  it('that cannot be stored end their connection, on which the rest of them may still come', async () => {
    const workspace = await startWorkspace();
    await rm(join(workspace.stateFolder, 'oci', 'incoming'), { recursive: true });
    const bytes = Buffer.alloc(4_000_000);
    const answer = await workspace.call('PUT', `/blobs/${digestOf(bytes)}`, bytes);
    expect(answer.status).toBe(500);
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('of which the sender left halfway leave nothing behind', async () => {
    const workspace = await startWorkspace();
    const digest = digestOf('x');
    const { hostname, port } = new URL(workspace.addresses.apiUrl);
    const socket = connect(Number(port), hostname);
    socket.write(
      `PUT /api/v1/blobs/${digest} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${workspace.adminToken}\r\ncontent-length: 100000\r\n\r\nhalf`,
    );
    const incoming = `${workspace.stateFolder}/oci/incoming`;
    await eventually(async () => (await readdir(incoming)).length === 1);
    socket.destroy();
    await eventually(async () => (await readdir(incoming)).length === 0);
    expect((await workspace.call('HEAD', `/blobs/${digest}`)).status).toBe(404);
  });
});

describe('models', () => {
  it('get a version for new bytes and keep it for the same bytes', async () => {
    const workspace = await startWorkspace();
    const model = parserOf(Model, { what: 'model', code }).parse(await workspace.registerFashion());
    expect(model.version).toBe(1);
    expect(model.signature.inputs[0]).toEqual({ name: 'input', datatype: 'FP32', shape: [-1, 784] });
    const again = await workspace.call('POST', '/models', { name: 'fashion', file: model.digest });
    expect(again).toMatchObject({ status: 200, body: model });
    const other = await workspace.call('POST', '/models', { name: 'other', file: model.digest });
    expect(other).toMatchObject({ status: 201, body: { name: 'other', version: 1 } });
    expect((await workspace.call('GET', '/models/fashion')).body).toEqual(model);
    expect((await workspace.call('GET', '/models/fashion:1')).body).toEqual(model);
    expect((await workspace.call('GET', '/models/fashion:2')).body).toMatchObject({ code: 'not_found' });
  });

  it('are refused when they are not there, empty or not ONNX', async () => {
    const workspace = await startWorkspace();
    const register = async (file: string) =>
      (await workspace.call('POST', '/models', { name: 'm', file })).body;
    expect(await register(digestOf('absent'))).toMatchObject({ code: 'blob_unavailable' });
    expect(await register(await workspace.upload(Buffer.from('not a model')))).toMatchObject({
      code: 'model_invalid',
    });
    expect((await workspace.call('GET', '/models')).body).toEqual({ items: [] });
  });
});

describe('devices', () => {
  it('show their token once, and bootstrap with it', async () => {
    const workspace = await startWorkspace();
    const added = parserOf(AddedDevice, { what: 'device', code }).parse(await workspace.addDevice('one'));
    expect(added.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const listed = JSON.stringify((await workspace.call('GET', '/devices')).body);
    expect(listed).toContain('"one"');
    expect(listed).not.toContain(added.token);
    const bootstrap = async (token: string) =>
      workspace.call('GET', '/devices/one/bootstrap', undefined, { authorization: `Bearer ${token}` });
    const facts = parserOf(DeviceBootstrap, { what: 'bootstrap', code }).parse(
      (await bootstrap(added.token)).body,
    );
    expect(facts).toMatchObject({ workspace: 'local', device: 'one', mqttUrl: workspace.addresses.mqttUrl });
    expect(await bootstrap('wrong')).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(await bootstrap(workspace.adminToken)).toMatchObject({ status: 401 });
    await workspace.addDevice('two');
    const foreign = await workspace.call('GET', '/devices/two/bootstrap', undefined, {
      authorization: `Bearer ${added.token}`,
    });
    expect(foreign.status).toBe(401);
  });

  it('have names of their own', async () => {
    const workspace = await startWorkspace();
    await workspace.addDevice('one');
    const again = await workspace.call('POST', '/devices', { name: 'one' });
    expect(again).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const device = parserOf(Device, { what: 'device', code }).parse(
      (await workspace.call('GET', '/devices/one')).body,
    );
    expect(device).toMatchObject({ presence: null, reported: null });
    expect((await workspace.call('GET', '/devices/a%2Fb')).body).toMatchObject({ code: 'invalid_name' });
  });
});

describe('deployments', () => {
  it('are made, changed and removed, and hold on to their devices', async () => {
    const workspace = await startWorkspace();
    const image = await workspace.buildFashion();
    await workspace.addDevice('one');
    const request = { image: 'fashion:1', devices: ['one'] };
    const made = await workspace.call('PUT', '/deployments/shop', request);
    expect(made.status).toBe(201);
    const deployment = parserOf(Deployment, { what: 'deployment', code }).parse(made.body);
    expect(deployment).toMatchObject({
      name: 'shop',
      image: 'fashion:1',
      digest: image.digest,
      devices: ['one'],
    });
    expect(await workspace.call('PUT', '/deployments/shop', request)).toMatchObject({
      status: 200,
      body: deployment,
    });
    expect((await workspace.call('DELETE', '/devices/one')).body).toMatchObject({ code: 'conflict' });
    expect((await workspace.call('DELETE', '/deployments/shop')).status).toBe(204);
    expect((await workspace.call('DELETE', '/deployments/shop')).body).toMatchObject({ code: 'not_found' });
    expect((await workspace.call('DELETE', '/devices/one')).status).toBe(204);
  });

  it.each([
    ['an unknown image', { image: 'fashion:9' }, 'not_found'],
    ['an unknown device', { devices: ['nobody'] }, 'not_found'],
    ['no device', { devices: [] }, 'invalid_request'],
    ['a device twice', { devices: ['one', 'one'] }, 'invalid_request'],
  ])('are refused for %s, and change nothing', async (_what, change, expected) => {
    const workspace = await startWorkspace();
    await workspace.buildFashion();
    await workspace.addDevice('one');
    const answer = await workspace.call('PUT', '/deployments/shop', {
      image: 'fashion:1',
      devices: ['one'],
      ...change,
    });
    expect(answer.body).toMatchObject({ code: expected });
    expect((await workspace.call('GET', '/deployments')).body).toEqual({ items: [] });
  });

  it('of one device are limited, and the one too many leaves no trace', async () => {
    const workspace = await startWorkspace();
    await workspace.buildFashion();
    await workspace.addDevice('one');
    const request = { image: 'fashion:1', devices: ['one'] };
    for (let index = 0; index < limits.deploymentsPerDeviceMax; index += 1) {
      await workspace.expect('PUT', `/deployments/d${index}`, request);
    }
    const answer = await workspace.call('PUT', '/deployments/more', request);
    expect(answer.body).toMatchObject({ code: 'limit_exceeded' });
    expect((await workspace.call('GET', '/deployments/more')).status).toBe(404);
  });
});
