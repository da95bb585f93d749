import { fork } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openEnvelope } from '../../base/dsse.ts';
import { parserOf } from '../../base/validate.ts';
import { DesiredDocument, desiredPayloadType } from '../../contract/messages.ts';
import { deviceTopics } from '../../contract/topics.ts';
import type { Device, DeviceBootstrap } from '../../contract/workspace-api.ts';
import { listen } from '../../workspace/network.ts';
import { Workspace, type WorkspaceOptions } from '../../workspace/workspace.ts';
import { temporaryFolder } from '../support/paths.ts';
import {
  eventually,
  Inbox,
  type RunningWorkspace,
  silentLogger,
  startWorkspace,
} from '../support/workspace-fixture.ts';

const desiredParser = parserOf(DesiredDocument, { what: 'desired', code: 'desired_invalid' });
const topics = deviceTopics({ workspace: 'local', device: 'one' });

function startOnly(options: Partial<WorkspaceOptions>): Promise<unknown> {
  return new Workspace({
    stateFolder: temporaryFolder(),
    apiPort: 0,
    mqttPort: 0,
    logger: silentLogger,
    ...options,
  }).start();
}

async function bootstrap(workspace: RunningWorkspace, token: string): Promise<DeviceBootstrap> {
  const headers = { authorization: `Bearer ${token}` };
  return (await workspace.call('GET', '/devices/one/bootstrap', undefined, headers)).body as DeviceBootstrap;
}

/** Opens a desired document as a device does. */
function open(bytes: Uint8Array, facts: DeviceBootstrap): DesiredDocument {
  const trustedKeys = new Map(
    Object.entries(facts.trustedKeys).map(([id, pem]) => [id, createPublicKey(pem)]),
  );
  return desiredParser.parseJson(openEnvelope({ bytes, payloadType: desiredPayloadType, trustedKeys }));
}

describe('a desired document', () => {
  it('is signed, retained, and one generation further with every change', async () => {
    const workspace = await startWorkspace();
    const image = await workspace.buildFashion();
    const { token } = await workspace.addDevice('one');
    const facts = await bootstrap(workspace, token);
    const client = await workspace.connect('one', token);
    const inbox = new Inbox(client);
    await client.subscribeAsync(topics.desired, { qos: 1 });
    await inbox.until(() => inbox.messages.length === 1);
    await workspace.expect('PUT', '/deployments/shop', { image: 'fashion:1', devices: ['one'] });
    await workspace.expect('PUT', '/deployments/shop', { image: 'fashion:1', devices: ['one'] });
    await inbox.until(() => inbox.messages.length === 2);
    await workspace.expect('DELETE', '/deployments/shop');
    await inbox.until(() => inbox.messages.length === 3);
    const documents = inbox.messages.map(({ payload }) => open(payload, facts));
    expect(documents.map(({ version }) => version.generation)).toEqual([0, 1, 2]);
    expect(documents.every(({ version }) => version.epoch === facts.epoch)).toBe(true);
    expect(documents.map(({ deployments }) => deployments.map(({ name }) => name))).toEqual([
      [],
      ['shop'],
      [],
    ]);
    expect(documents[1]?.deployments[0]?.image.digest).toBe(image.digest);
  });

  it('keeps counting when its device is removed and added again', async () => {
    const workspace = await startWorkspace();
    await workspace.buildFashion();
    await workspace.addDevice('one');
    await workspace.expect('PUT', '/deployments/shop', { image: 'fashion:1', devices: ['one'] });
    await workspace.expect('DELETE', '/deployments/shop');
    await workspace.expect('DELETE', '/devices/one');
    const { token } = await workspace.addDevice('one');
    const client = await workspace.connect('one', token);
    const inbox = new Inbox(client);
    await client.subscribeAsync(topics.desired, { qos: 1 });
    await inbox.until(() => inbox.messages.length > 0);
    const document = open(inbox.messages[0]?.payload ?? new Uint8Array(), await bootstrap(workspace, token));
    expect(document.version.generation).toBeGreaterThanOrEqual(2);
  });
});

describe('a restarted workspace', () => {
  it('still knows everything, and publishes the same desired document', async () => {
    const before = await startWorkspace();
    await before.buildFashion();
    const { token } = await before.addDevice('one');
    await before.expect('PUT', '/deployments/shop', { image: 'fashion:1', devices: ['one'] });
    const read = async (workspace: RunningWorkspace) => {
      const client = await workspace.connect('one', token);
      const inbox = new Inbox(client);
      await client.subscribeAsync(topics.desired, { qos: 1 });
      await inbox.until(() => inbox.messages.length > 0);
      await client.endAsync();
      return inbox.messages[0]?.payload.toString();
    };
    const lists = (workspace: RunningWorkspace) =>
      Promise.all(['/models', '/images', '/deployments'].map((path) => workspace.expect('GET', path)));
    const facts = { ...(await bootstrap(before, token)), mqttUrl: '' };
    const known = [await lists(before), await read(before)];
    await before.stop();
    const after = await startWorkspace({ stateFolder: before.stateFolder });
    expect(after.adminToken).toBe(before.adminToken);
    expect([await lists(after), await read(after)]).toEqual(known);
    expect({ ...(await bootstrap(after, token)), mqttUrl: '' }).toEqual(facts);
  });

  it('knows the last status of its devices, and that none is connected', async () => {
    const before = await startWorkspace();
    const { token } = await before.addDevice('one');
    const client = await before.connect('one', token);
    const online = { schemaVersion: 1, state: 'online', boot: 'b', connection: 4 };
    await client.publishAsync(topics.presence, JSON.stringify(online), { qos: 1, retain: true });
    await eventually(async () => (await before.expect<Device>('GET', '/devices/one')).presence !== null);
    await before.stop();
    const after = await startWorkspace({ stateFolder: before.stateFolder });
    const device = await after.expect<Device>('GET', '/devices/one');
    expect(device.presence).toMatchObject({ ...online, state: 'lost' });
  });

  it('removes what a power cut left half-written, and lists its images again', async () => {
    const before = await startWorkspace();
    await before.buildFashion();
    await before.stop();
    const leftover = `x.${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}.tmp`;
    const folders = ['.', 'oci', 'oci/blobs/sha256'].map((folder) => join(before.stateFolder, folder));
    for (const folder of folders) await writeFile(join(folder, leftover), 'half');
    await writeFile(join(before.stateFolder, 'oci/incoming/half'), 'half');
    const indexPath = join(before.stateFolder, 'oci/index.json');
    const index = await readFile(indexPath, 'utf8');
    await writeFile(indexPath, '{"schemaVersion":2,"manifests":[]}');
    await startWorkspace({ stateFolder: before.stateFolder });
    for (const folder of folders) expect(await readdir(folder)).not.toContain(leftover);
    expect(await readdir(join(before.stateFolder, 'oci/incoming'))).toEqual([]);
    expect(await readFile(indexPath, 'utf8')).toBe(index);
  });

  it('keeps its secrets to its owner', async () => {
    const workspace = await startWorkspace();
    for (const file of ['admin-token', 'signing-key.pem']) {
      expect((await stat(join(workspace.stateFolder, file))).mode & 0o777).toBe(0o600);
    }
  });
});

describe('a workspace does not start', () => {
  it('on a state folder that another one uses', async () => {
    const first = await startWorkspace();
    await expect(startOnly({ stateFolder: first.stateFolder })).rejects.toMatchObject({
      code: 'state_invalid',
    });
    expect((await first.call('GET', '/models')).status).toBe(200);
  });

  it('beside a process that holds the folder, but does once that was killed', async () => {
    const stateFolder = temporaryFolder();
    const holder = fork(new URL('../support/workspace-process.js', import.meta.url), [stateFolder]);
    onTestFinished(() => void holder.kill('SIGKILL'));
    await new Promise((resolve) => holder.once('message', resolve));
    await expect(startOnly({ stateFolder })).rejects.toMatchObject({ code: 'state_invalid' });
    const gone = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await gone;
    const workspace = await startWorkspace({ stateFolder });
    expect((await workspace.call('GET', '/devices')).body).toMatchObject({ items: [{ name: 'kept' }] });
  });

  it('on a database of a newer Sluice, or one that is none', async () => {
    const newer = temporaryFolder();
    const database = new DatabaseSync(join(newer, 'workspace.db'));
    database.exec('PRAGMA user_version = 999');
    database.close();
    await expect(startOnly({ stateFolder: newer })).rejects.toMatchObject({ code: 'state_invalid' });
    const damaged = temporaryFolder();
    await writeFile(join(damaged, 'workspace.db'), 'not a database'.repeat(1000));
    await expect(startOnly({ stateFolder: damaged })).rejects.toMatchObject({ code: 'state_invalid' });
  });

  it.each(['admin-token', 'signing-key.pem'])('with a damaged %s', async (file) => {
    const stateFolder = temporaryFolder();
    await writeFile(join(stateFolder, file), 'damaged');
    await expect(startOnly({ stateFolder })).rejects.toMatchObject({ code: 'state_invalid' });
  });

  it.each([
    ['apiPort', '--api-port'],
    ['mqttPort', '--mqtt-port'],
  ])('on a taken %s, and names the flag', async (option, flag) => {
    const server = createServer();
    onTestFinished(() => void server.close());
    const port = await listen(server, { host: '127.0.0.1', port: 0, flag: '' });
    const stateFolder = temporaryFolder();
    const start = startOnly({ stateFolder, [option]: port });
    await expect(start).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(flag),
    });
    await expect(start).rejects.toMatchObject({ message: expect.stringContaining(String(port)) });
    await startWorkspace({ stateFolder });
  });

  it('off loopback without TLS, nor under a name that is none', async () => {
    await expect(startOnly({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'insecure_listener' });
    await expect(startOnly({ name: 'a/b' })).rejects.toMatchObject({ code: 'invalid_name' });
    const tls = { certificateFile: '/nowhere', keyFile: '/nowhere' };
    await expect(startOnly({ tls })).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('a workspace stops', () => {
  it.each([0, 3, 10, 30])('%i ms into its start, with nothing left open', async (ms) => {
    const stateFolder = temporaryFolder();
    const workspace = new Workspace({ stateFolder, apiPort: 0, mqttPort: 0, logger: silentLogger });
    const started = Promise.allSettled([workspace.start()]);
    await new Promise((resolve) => setTimeout(resolve, ms));
    await workspace.stop();
    const [outcome] = await started;
    if (outcome?.status === 'fulfilled') {
      await expect(fetch(`${outcome.value.apiUrl}/api/v1/health`)).rejects.toThrow();
    }
    // The folder is free again.
    await startWorkspace({ stateFolder });
  });

  it('twice, with clients connected, and leaves its folder to the next', async () => {
    const workspace = await startWorkspace();
    const { token } = await workspace.addDevice('one');
    const client = await workspace.connect('one', token);
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    await Promise.all([workspace.stop(), closed]);
    await workspace.stop();
    await expect(workspace.call('GET', '/health')).rejects.toThrow();
    await startWorkspace({ stateFolder: workspace.stateFolder });
  });
});
