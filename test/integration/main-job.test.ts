import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { bundleScript } from '../../cli/bundle-script.ts';
import type { Deployment, Device, Image } from '../../contract/workspace-api.ts';
import { fashionSet, floatInput, type GoldenSet, logitsOf } from '../support/golden-sets.ts';
import { LocalDevice } from '../support/local-device.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';
import { type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

const sample = (name: string) => readFile(repositoryPath('samples', 'fashion', name));
const batch = 50;
const logitsScale = Math.fround(0.20118359);

/** What `npm start` does: register, build with script, samples and NPU program, add a device, deploy. */
async function deployFashion(workspace: RunningWorkspace, options: { accelerate: string }) {
  await workspace.registerFashion();
  const script = await workspace.upload(await bundleScript(repositoryPath('samples', 'fashion', 'score.js')));
  const samples = await workspace.upload(await sample('golden.json'));
  const image = await workspace.expect<Image>('POST', '/images', {
    name: 'fashion',
    model: 'fashion:1',
    script,
    samples,
    accelerate: options.accelerate,
  });
  const { token } = await workspace.addDevice('edge-1');
  await putImage(workspace, image);
  return { image, token };
}

function putImage(workspace: RunningWorkspace, image: Image): Promise<Deployment> {
  return workspace.expect<Deployment>('PUT', '/deployments/fashion', {
    image: `${image.name}:${image.version}`,
    devices: ['edge-1'],
  });
}

async function post(url: string, body: Uint8Array | string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body: body as string, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function inferBody(images: GoldenSet, first: number): string {
  const data = Array.from({ length: batch }, (_, offset) => [...floatInput(images, first + offset)]).flat();
  return JSON.stringify({ inputs: [{ name: 'input', shape: [batch, 784], datatype: 'FP32', data }] });
}

/** Polls the workspace until a device's report fits. */
async function reported(workspace: RunningWorkspace, fits: (device: Device) => boolean): Promise<Device> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const device = await workspace.expect<Device>('GET', '/devices/edge-1');
    if (fits(device)) return device;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the device never reported what was expected');
}

describe('the main job', () => {
  it('registers, builds, pulls over MQTT, scores on both routes, and survives the loss of the workspace', async () => {
    const workspace = await startWorkspace();
    const { image, token } = await deployFashion(workspace, { accelerate: 'kv260-m' });
    const stateFolder = temporaryFolder();
    const enrolment = { device: 'edge-1', stateFolder, workspaceUrl: workspace.addresses.apiUrl, token };
    const device = await LocalDevice.start(enrolment);
    await device.next('serving', (event) => event.image === image.digest);
    const url = await device.url();

    await answersAsDocumented(url, image);
    await sameBytesOnBothRoutes(url);

    const view = await reported(workspace, (seen) => seen.reported?.deployments.fashion?.phase === 'serving');
    expect(view.presence?.state).toBe('online');
    expect(view.reported?.deployments.fashion?.active).toBe(image.digest);

    await device.stop();
    const gone = await reported(workspace, (seen) => seen.presence?.state !== 'online');
    expect(gone.presence?.state).toBe('stopping');
    await workspace.stop();

    // No workspace, no broker, no token: what is on disk serves.
    const alone = await LocalDevice.start({ device: 'edge-1', stateFolder });
    await alone.next('serving', (event) => event.image === image.digest);
    await answersAsDocumented(await alone.url(), image);
  }, 60_000);

  it('refuses a program for other hardware, reports it, and goes on serving', async () => {
    const workspace = await startWorkspace();
    const { image, token } = await deployFashion(workspace, { accelerate: 'kv260-m' });
    const device = await LocalDevice.start({
      device: 'edge-1',
      workspaceUrl: workspace.addresses.apiUrl,
      token,
    });
    await device.next('serving', (event) => event.image === image.digest);

    const foreign = await workspace.expect<Image>('POST', '/images', {
      name: 'fashion',
      model: 'fashion:1',
      accelerate: 'ci',
    });
    await putImage(workspace, foreign);
    const refused = await device.next('failed', (event) => event.image === foreign.digest);
    expect(refused.error.code).toBe('program_hardware_mismatch');
    const view = await reported(workspace, (seen) => seen.reported?.deployments.fashion?.error != null);
    expect(view.reported?.deployments.fashion).toMatchObject({
      phase: 'failed',
      active: image.digest,
      error: { code: 'program_hardware_mismatch' },
    });
    await answersAsDocumented(await device.url(), image);

    // A document that wants the old image again ends the failure.
    await putImage(workspace, image);
    await reported(workspace, (seen) => seen.reported?.deployments.fashion?.phase === 'serving');
  }, 60_000);

  it('does not hold an NPU that was changed for a while against an image', async () => {
    const workspace = await startWorkspace();
    const { image, token } = await deployFashion(workspace, { accelerate: 'kv260-m' });
    const stateFolder = temporaryFolder();
    const first = await LocalDevice.start({
      ...{ device: 'edge-1', stateFolder },
      ...{ workspaceUrl: workspace.addresses.apiUrl, token },
    });
    await first.next('serving', (event) => event.image === image.digest);
    await first.stop();
    await workspace.stop();

    const npu = { kind: 'simulator', configuration: 'ci' } as const;
    const changed = await LocalDevice.start({ device: 'edge-1', stateFolder, npu });
    const refused = await changed.next('failed');
    expect(refused.error.code).toBe('program_hardware_mismatch');
    await changed.stop();

    const back = await LocalDevice.start({ device: 'edge-1', stateFolder });
    await back.next('serving', (event) => event.image === image.digest);
  }, 60_000);

  it('stops serving what is no longer deployed', async () => {
    const workspace = await startWorkspace();
    const { image, token } = await deployFashion(workspace, { accelerate: 'kv260-m' });
    const device = await LocalDevice.start({
      device: 'edge-1',
      workspaceUrl: workspace.addresses.apiUrl,
      token,
    });
    await device.next('serving', (event) => event.image === image.digest);
    // The first reports of a device name no deployment either.
    await reported(workspace, (seen) => seen.reported?.deployments.fashion?.phase === 'serving');
    await workspace.expect('DELETE', '/deployments/fashion');
    await reported(workspace, (seen) => Object.keys(seen.reported?.deployments ?? { x: 1 }).length === 0);
    const answer = await post(`${await device.url()}/v2/models/fashion/infer`, await sample('infer.json'));
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text).code).toBe('unknown_model');
  }, 60_000);
});

async function answersAsDocumented(url: string, image: Image): Promise<void> {
  const picture = await post(`${url}/score`, await sample('ankle-boot.png'), { 'content-type': 'image/png' });
  expect(picture.status).toBe(200);
  expect(JSON.parse(picture.text)).toMatchObject({ label: 'Ankle boot', class: 9 });
  expect(picture.headers.get('x-sluice-image')).toBe(image.digest);
  expect(picture.headers.get('x-sluice-route')).toMatch(/^(cpu|fpga-sim)$/);
  const json = await post(`${url}/score`, await sample('request.json'), {
    'content-type': 'application/json',
  });
  expect(json.text).toBe(picture.text);
  const infer = await post(`${url}/v2/models/fashion/infer`, await sample('infer.json'));
  expect(infer.status).toBe(200);
  expect(JSON.parse(infer.text)).toMatchObject({
    model_name: 'fashion',
    outputs: [{ name: 'logits', shape: [1, 10], datatype: 'FP32' }],
  });
}

async function sameBytesOnBothRoutes(url: string): Promise<void> {
  const images = fashionSet();
  let compared = 0;
  for (let first = 0; first < images.imageCount; first += batch) {
    const body = inferBody(images, first);
    const cpu = await post(`${url}/v2/models/fashion/infer`, body, { 'x-sluice-route': 'cpu' });
    const npu = await post(`${url}/v2/models/fashion/infer`, body, { 'x-sluice-route': 'fpga' });
    expect(cpu.headers.get('x-sluice-route')).toBe('cpu');
    expect(npu.headers.get('x-sluice-route')).toBe('fpga-sim');
    expect(npu.text).toBe(cpu.text);
    const logits: number[] = JSON.parse(npu.text).outputs[0].data;
    for (let offset = 0; offset < batch; offset += 1) {
      const row = logits.slice(offset * 10, offset * 10 + 10);
      const expected = [...logitsOf(images, first + offset)].map((logit) => Math.fround(logit * logitsScale));
      expect(row.map(Math.fround)).toEqual(expected);
      compared += row.length;
    }
  }
  expect(compared).toBe(10_000);
}
