import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlobStore } from '../../base/blob-store.ts';
import { digestOf } from '../../base/digest.ts';
import { openEnvelope } from '../../base/dsse.ts';
import { parserOf } from '../../base/validate.ts';
import {
  annotations,
  ImageManifest,
  layerPaths,
  ModelConfig,
  mediaTypes,
  RunManifest,
} from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import { ImageSignature, imageSignaturePayloadType } from '../../contract/messages.ts';
import type { DeviceBootstrap, Image } from '../../contract/workspace-api.ts';
import { repositoryPath } from '../support/paths.ts';
import { accumulatorModel } from '../support/serving-models.ts';
import { type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const script = Buffer.from('export function run(input) { return input; }\n');

async function goldenInputs(): Promise<Uint8Array> {
  const pixels = await readFile(repositoryPath('test', 'golden', 'fashion', 'images-first1000.u8'));
  const samples = [0, 1, 2].map((index) => {
    const values = Float32Array.from(pixels.subarray(index * 784, index * 784 + 784), (pixel) => pixel / 255);
    const data = Buffer.from(values.buffer).toString('base64');
    return { inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 784], data }] };
  });
  return Buffer.from(JSON.stringify({ samples }));
}

async function fullImage(workspace: RunningWorkspace): Promise<Image> {
  return workspace.buildFashion({
    script: await workspace.upload(script),
    samples: await workspace.upload(await goldenInputs()),
    accelerate: 'kv260-m',
  });
}

function blobsOf(workspace: RunningWorkspace): BlobStore {
  return new BlobStore(join(workspace.stateFolder, 'oci'));
}

async function readJson(workspace: RunningWorkspace, digest: string): Promise<unknown> {
  const bytes = await blobsOf(workspace).read(digest, { bytesMax: 1 << 24 });
  return JSON.parse(Buffer.from(bytes).toString());
}

describe('images', () => {
  it('hold model, script, samples and program, described by valid documents', async () => {
    const workspace = await startWorkspace();
    const image = await fullImage(workspace);
    expect(image.version).toBe(1);
    expect(image.accelerated).toBe('kv260-m');
    const manifest = parserOf(ImageManifest, { what: 'manifest', code: 'manifest_invalid' }).parse(
      await readJson(workspace, image.digest),
    );
    const paths = manifest.layers.map((layer) => layer.annotations?.[annotations.filepath]);
    const { run: runPath, model, script: scriptPath, samples: samplesPath, program } = layerPaths;
    expect(paths.filter((path) => path?.startsWith('chunks/') === false)).toEqual([
      ...[runPath, model, scriptPath, samplesPath, program],
    ]);
    const runLayer = manifest.layers.find((layer) => layer.mediaType === mediaTypes.run);
    const run = parserOf(RunManifest, { what: 'run', code: 'manifest_invalid' }).parse(
      await readJson(workspace, runLayer?.digest ?? ''),
    );
    expect(run.routes.npu?.configuration).toBe('kv260-m');
    expect(run.routes.cpu).toEqual({ sessions: 1, keepsQuantisation: true });
    expect(run.script).toBeDefined();
    const config = parserOf(ModelConfig, { what: 'config', code: 'manifest_invalid' }).parse(
      await readJson(workspace, manifest.config.digest),
    );
    expect(config.modelfs.diffIds).toEqual(manifest.layers.map(({ digest }) => digest));
    const samples = manifest.layers.find((layer) => layer.mediaType === mediaTypes.samples);
    const golden = (await readJson(workspace, samples?.digest ?? '')) as { samples: { outputs: object[] }[] };
    expect(golden.samples.map(({ outputs }) => outputs.length)).toEqual([1, 1, 1]);
    const sizes = [manifest.config, ...manifest.layers].reduce((sum, { size }) => sum + size, 0);
    const manifestBytes = await blobsOf(workspace).size(image.digest);
    expect(image.sizeBytes).toBe(sizes + (manifestBytes ?? 0));
  });

  it('say which outputs a sequence keeps, for how long and how many', async () => {
    const workspace = await startWorkspace();
    const file = await workspace.upload(accumulatorModel());
    await workspace.call('POST', '/models', { name: 'sums', file });
    const state = [{ input: 'sum', output: 'next' }];
    const request = { name: 'sums', model: 'sums:1', sequence: { state, sequencesMax: 9 } };
    const answer = await workspace.call('POST', '/images', request);
    expect(answer.status).toBe(201);
    const manifest = (await readJson(workspace, (answer.body as Image).digest)) as ImageManifest;
    const layer = manifest.layers.find(({ mediaType }) => mediaType === mediaTypes.run);
    expect(await readJson(workspace, layer?.digest ?? '')).toMatchObject({
      sequence: { state, idleMs: limits.sequenceIdleMs, sequencesMax: 9 },
    });
  });

  it('say how their engines run, as they were asked to', async () => {
    const workspace = await startWorkspace();
    const batching = { itemsMax: 16, delayMicroseconds: 200, preferredItems: [8] };
    const image = await workspace.buildFashion({ sessions: 2, placement: 'thread', queueDepth: 9, batching });
    const manifest = (await readJson(workspace, image.digest)) as ImageManifest;
    const layer = manifest.layers.find(({ mediaType }) => mediaType === mediaTypes.run);
    const run = parserOf(RunManifest, { what: 'run', code: 'manifest_invalid' }).parse(
      await readJson(workspace, layer?.digest ?? ''),
    );
    expect(run.routes).toEqual({ policy: 'auto', cpu: { sessions: 2, placement: 'thread' }, batching });
    expect(run.limits).toEqual({ queueDepth: 9 });
  });

  it('index every layer that is larger than a chunk', async () => {
    const workspace = await startWorkspace();
    const longScript = Buffer.alloc(150_000, script);
    const image = await workspace.buildFashion({ script: await workspace.upload(longScript) });
    const manifest = (await readJson(workspace, image.digest)) as ImageManifest;
    const large = manifest.layers.filter((layer) => layer.size > 65_536);
    expect(large.length).toBe(1);
    for (const layer of large) {
      const digest = layer.annotations?.[annotations.chunkIndex] ?? '';
      expect(manifest.layers.find((other) => other.digest === digest)?.mediaType).toBe(mediaTypes.chunkIndex);
      const index = await blobsOf(workspace).read(digest, { bytesMax: 1 << 20 });
      const bytes = await blobsOf(workspace).read(layer.digest, { bytesMax: 1 << 24 });
      const hashes = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, chunk) =>
        digestOf(bytes.subarray(chunk * 65_536, (chunk + 1) * 65_536)).slice('sha256:'.length),
      );
      expect(Buffer.from(index).toString('hex')).toBe(hashes.join(''));
    }
    const small = manifest.layers.filter((layer) => layer.size <= 65_536);
    expect(small.every((layer) => layer.annotations?.[annotations.chunkIndex] === undefined)).toBe(true);
  });

  it('are the same version when built again from the same things, and the next one otherwise', async () => {
    const workspace = await startWorkspace();
    const first = await fullImage(workspace);
    const request = {
      name: 'fashion',
      model: 'fashion:1',
      script: digestOf(script),
      samples: digestOf(await goldenInputs()),
      accelerate: 'kv260-m',
    };
    const again = await workspace.call('POST', '/images', request);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first);
    const other = await workspace.call('POST', '/images', { ...request, routePolicy: 'cpu', shadow: 0.01 });
    expect(other.status).toBe(201);
    expect(other.body).toMatchObject({ version: 2 });
    expect((other.body as Image).digest).not.toBe(first.digest);
    const run = (other.body as Image).layers.find(({ path }) => path === layerPaths.run);
    expect(await readJson(workspace, run?.digest ?? '')).toMatchObject({
      routes: { policy: 'cpu', shadow: 0.01 },
    });
  });

  it('have the same digest in two workspaces, whatever the time', async () => {
    const one = await startWorkspace({ clock: () => new Date('2030-01-01T00:00:00Z') });
    const other = await startWorkspace({ clock: () => new Date('2031-01-01T00:00:00Z') });
    expect((await fullImage(one)).digest).toBe((await fullImage(other)).digest);
  });

  it('are listed, with their signatures, in a valid OCI image layout', async () => {
    const workspace = await startWorkspace();
    const image = await fullImage(workspace);
    const root = join(workspace.stateFolder, 'oci');
    expect(JSON.parse(await readFile(join(root, 'oci-layout'), 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    });
    const index = JSON.parse(await readFile(join(root, 'index.json'), 'utf8')) as {
      schemaVersion: number;
      manifests: { digest: string; size: number; annotations?: Record<string, string> }[];
    };
    expect(index.schemaVersion).toBe(2);
    const entry = index.manifests.find((one) => one.annotations?.[annotations.reference] === 'fashion:1');
    expect(entry?.digest).toBe(image.digest);
    const reachable = new Map(index.manifests.map(({ digest, size }) => [digest, size]));
    for (const { digest } of index.manifests) {
      const manifest = (await readJson(workspace, digest)) as ImageManifest;
      for (const blob of [manifest.config, ...manifest.layers]) reachable.set(blob.digest, blob.size);
    }
    for (const [digest, size] of reachable) expect(await blobsOf(workspace).size(digest)).toBe(size);
    const referrer = (await readJson(workspace, index.manifests[1]?.digest ?? '')) as {
      subject: { digest: string };
      artifactType: string;
      layers: { digest: string }[];
    };
    expect(referrer.subject.digest).toBe(image.digest);
    expect(referrer.artifactType).toBe(mediaTypes.envelope);
    const { token } = await workspace.addDevice('camera');
    const answer = await workspace.call('GET', '/devices/camera/bootstrap', undefined, {
      authorization: `Bearer ${token}`,
    });
    const { trustedKeys } = answer.body as DeviceBootstrap;
    const payload = openEnvelope({
      bytes: await blobsOf(workspace).read(referrer.layers[0]?.digest ?? '', { bytesMax: 1 << 16 }),
      payloadType: imageSignaturePayloadType,
      trustedKeys: new Map(Object.entries(trustedKeys).map(([id, pem]) => [id, createPublicKey(pem)])),
    });
    const signature = parserOf(ImageSignature, { what: 'signature', code: 'signature_invalid' }).parseJson(
      payload,
    );
    expect(signature).toMatchObject({ image: { digest: image.digest }, name: 'fashion', version: 1 });
  });

  it.each([
    ['a model that is not registered', { model: 'other:1' }, 'not_found'],
    ['a script that was not uploaded', { script: digestOf('nothing') }, 'blob_unavailable'],
    ['the FPGA as the only route without a program', { routePolicy: 'fpga' }, 'route_unavailable'],
    ['a share of shadows without a program', { shadow: 0.01 }, 'route_unavailable'],
    ['a share beyond all', { shadow: 2 }, 'invalid_request'],
    ['an unknown field', { colour: 'red' }, 'invalid_request'],
    ['a state that the model lacks', { sequence: { state: [{ input: 'h', output: 'hn' }] } }, 'tensor_name'],
    ['a sequence without state', { sequence: { state: [] } }, 'invalid_request'],
    ['no session', { sessions: 0 }, 'invalid_request'],
    ['a batch of nothing', { batching: { itemsMax: 0 } }, 'invalid_request'],
    [
      'a preferred batch that is too large',
      { batching: { itemsMax: 8, preferredItems: [4, 16] } },
      'invalid_request',
    ],
    ['a model without a version', { model: 'fashion' }, 'invalid_request'],
  ])('refuse %s', async (_what, change, code) => {
    const workspace = await startWorkspace();
    await workspace.registerFashion();
    const answer = await workspace.call('POST', '/images', {
      name: 'fashion',
      model: 'fashion:1',
      ...change,
    });
    expect(answer.body).toMatchObject({ code });
    expect((await workspace.call('GET', '/images')).body).toEqual({ items: [] });
  });

  it('refuse samples that do not fit the model', async () => {
    const workspace = await startWorkspace();
    await workspace.registerFashion();
    const input = {
      name: 'input',
      datatype: 'FP32',
      shape: [1, 3],
      data: Buffer.alloc(12).toString('base64'),
    };
    const samples = await workspace.upload(Buffer.from(JSON.stringify({ samples: [{ inputs: [input] }] })));
    const answer = await workspace.call('POST', '/images', { name: 'fashion', model: 'fashion:1', samples });
    expect(answer.body).toMatchObject({ code: 'tensor_shape' });
  });
});
