import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeBlockFrame } from '../../contract/block-frame.ts';
import { deviceTopics } from '../../contract/topics.ts';
import type { Device, DeviceBootstrap } from '../../contract/workspace-api.ts';
import { mosquittoInstalled, startMosquitto } from '../support/outside-broker.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';
import { connectMqtt, eventually, Inbox, startWorkspace } from '../support/workspace-fixture.ts';

const installed = mosquittoInstalled();
if (!installed)
  process.emitWarning('mosquitto is not installed, so its rules are not tested; apt-get install mosquitto');

const one = deviceTopics({ workspace: 'local', device: 'one' });
const two = deviceTopics({ workspace: 'local', device: 'two' });
const passwords = { workspace: 'w', one: 'token-one', two: 'token-two' };

/** Mosquitto with the access rules that docs/reference/mqtt.md gives. */
async function startWithRules(): Promise<string> {
  const page = await readFile(repositoryPath('docs', 'reference', 'mqtt.md'), 'utf8');
  const rules = /```acl\n([^`]+)```/.exec(page)?.[1] ?? '';
  const folder = temporaryFolder();
  const passwordFile = join(folder, 'passwords');
  await writeFile(join(folder, 'rules'), rules, { mode: 0o600 });
  await writeFile(passwordFile, '', { mode: 0o600 });
  for (const [user, password] of Object.entries(passwords)) {
    execFileSync('mosquitto_passwd', ['-b', passwordFile, user, password], { stdio: 'ignore' });
  }
  const { url } = await startMosquitto([
    'user root',
    'allow_anonymous false',
    `password_file ${passwordFile}`,
    `acl_file ${join(folder, 'rules')}`,
  ]);
  return url;
}

describe('mosquitto with the documented rules', () => {
  it.skipIf(!installed)('serves a workspace and its devices, and keeps them apart', async () => {
    const url = await startWithRules();
    const withLogin = url.replace('//', `//workspace:${passwords.workspace}@`);
    const workspace = await startWorkspace({ externalBroker: { url: withLogin } });
    const image = await workspace.buildFashion();
    const { token } = await workspace.addDevice('one');
    await workspace.addDevice('two');
    const answer = await workspace.call('GET', '/devices/one/bootstrap', undefined, {
      authorization: `Bearer ${token}`,
    });
    expect((answer.body as DeviceBootstrap).mqttUrl).toBe(url);
    await workspace.expect('PUT', '/deployments/shop', { image: 'fashion:1', devices: ['one', 'two'] });

    const connect = (device: 'one' | 'two') =>
      connectMqtt(url, { clientId: device, username: device, password: passwords[device] });
    const client = await connect('one');
    const inbox = new Inbox(client);
    await client.subscribeAsync(one.downFilter, { qos: 1 });
    // Mosquitto 2.0 grants any filter and then delivers nothing that the rules forbid.
    await client.subscribeAsync(['#', two.downFilter], { qos: 1 }).catch(() => undefined);
    await inbox.until(() => inbox.messages.some(({ topic }) => topic === one.desired));
    const forged = { schemaVersion: 1, state: 'online', boot: 'forged', connection: 1 };
    await client.publishAsync(two.presence, JSON.stringify(forged), { qos: 1 });
    await client.publishAsync(one.presence, JSON.stringify({ ...forged, boot: 'true' }), {
      qos: 1,
      retain: true,
    });
    await eventually(async () => (await workspace.expect<Device>('GET', '/devices/one')).presence !== null);
    expect((await workspace.expect<Device>('GET', '/devices/two')).presence).toBeNull();

    const ask = { schemaVersion: 1, stream: 1, digest: image.digest, ranges: [[0, 1]] };
    client.publish(one.get, JSON.stringify(ask));
    await inbox.until(() => inbox.messages.some(({ topic }) => topic === one.block));
    const block = inbox.messages.find(({ topic }) => topic === one.block);
    expect(decodeBlockFrame(block?.payload ?? new Uint8Array())).toMatchObject({ kind: 'data', stream: 1 });
    expect(inbox.messages.some(({ topic }) => topic.startsWith('sluice/v1/local/d/two/'))).toBe(false);
    await expect(connectMqtt(url, { clientId: 'one', username: 'one', password: 'wrong' })).rejects.toThrow();
  });
});
