import { connect as connectSocket } from 'node:net';
import type { IClientOptions } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { limits } from '../../contract/limits.ts';
import { deviceTopics } from '../../contract/topics.ts';
import type { Device } from '../../contract/workspace-api.ts';
import { workspaceLimits } from '../../workspace/limits.ts';
import { EmbeddedBroker } from '../../workspace/mqtt/embedded-broker.ts';
import {
  connectMqtt,
  eventually,
  Inbox,
  silentLogger,
  startWorkspace,
} from '../support/workspace-fixture.ts';

/** A text as MQTT writes it (3.1.1, section 1.5.3). */
function mqttText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function mqttConnect(device: string, token: string): Buffer {
  const credentials = [device, device, token].map(mqttText);
  const body = Buffer.concat([mqttText('MQTT'), Buffer.from([4, 0xc2, 0, 0]), ...credentials]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

/** A publication that will never be released (MQTT 3.1.1, section 4.3.3). */
function mqttPublishQos2(topic: string, messageId: number): Buffer {
  const body = Buffer.concat([mqttText(topic), Buffer.from([messageId >> 8, messageId & 0xff])]);
  return Buffer.concat([Buffer.from([0x34, body.length]), body]);
}

const one = deviceTopics({ workspace: 'local', device: 'one' });
const two = deviceTopics({ workspace: 'local', device: 'two' });

async function twoDevices() {
  const workspace = await startWorkspace();
  const { token: tokenOne } = await workspace.addDevice('one');
  const { token: tokenTwo } = await workspace.addDevice('two');
  const connectOne = (options: IClientOptions = {}) => workspace.connect('one', tokenOne, options);
  const connectTwo = (options: IClientOptions = {}) => workspace.connect('two', tokenTwo, options);
  return { workspace, tokenOne, tokenTwo, connectOne, connectTwo };
}

describe('the embedded broker lets a device', () => {
  it('read its own desired document, retained, and write its own status', async () => {
    const { workspace, connectOne } = await twoDevices();
    const client = await connectOne();
    const inbox = new Inbox(client);
    await client.subscribeAsync(one.desired, { qos: 1 });
    await inbox.until(() => inbox.messages.length > 0);
    expect(inbox.messages[0]).toMatchObject({ topic: one.desired, retain: true });
    const presence = { schemaVersion: 1, state: 'online', boot: 'b1', connection: 1 };
    await client.publishAsync(one.presence, JSON.stringify(presence), { qos: 1, retain: true });
    await eventually(async () => (await workspace.expect<Device>('GET', '/devices/one')).presence !== null);
  });

  it('read what is for the whole workspace', async () => {
    const { connectOne } = await twoDevices();
    const client = await connectOne();
    const granted = await client.subscribeAsync('sluice/v1/local/all/#', { qos: 1 });
    expect(granted[0]?.qos).toBe(1);
  });
});

describe('the embedded broker refuses', () => {
  it.each([
    ['a wrong token', { username: 'one', clientId: 'one', password: 'wrong' }],
    ['an unknown device', { username: 'three', clientId: 'three', password: 'wrong' }],
    ['no credentials', { clientId: 'one' }],
    ['an empty password for an unknown device', { username: 'three', clientId: 'three', password: '' }],
  ])('%s', async (_what, options) => {
    const { workspace } = await twoDevices();
    await expect(connectMqtt(workspace.addresses.mqttUrl, options)).rejects.toMatchObject({ code: 4 });
  });

  it('a client id that is not the device', async () => {
    const { workspace, tokenOne } = await twoDevices();
    const options = { username: 'one', password: tokenOne, clientId: 'two' };
    await expect(connectMqtt(workspace.addresses.mqttUrl, options)).rejects.toMatchObject({ code: 5 });
  });

  it.each([
    ['#'],
    ['+/#'],
    ['sluice/v1/local/d/+/dn/desired'],
    [two.desired],
    [two.downFilter],
    [two.reported],
    [one.reported],
    ['sluice/v1/local/d/#'],
    ['sluice/v1/local/#'],
    ['sluice/v1/other/all/#'],
    ['$SYS/#'],
    [`$share/group/${two.desired}`],
  ])('the filter %s', async (filter) => {
    const { connectOne, connectTwo } = await twoDevices();
    const other = await connectTwo();
    const client = await connectOne();
    const inbox = new Inbox(client);
    await expect(client.subscribeAsync(filter, { qos: 1 })).rejects.toThrow();
    await client.subscribeAsync(one.desired, { qos: 1 });
    await other.publishAsync(two.reported, 'secret', { qos: 1, retain: true });
    await inbox.until(() => inbox.messages.length > 0);
    await client.unsubscribeAsync(one.desired);
    expect(inbox.messages.map(({ topic }) => topic)).toEqual([one.desired]);
  });

  it('to keep a forbidden filter that came beside an allowed one in a kept session', async () => {
    const { connectOne, connectTwo } = await twoDevices();
    const first = await connectOne({ clean: false });
    await first.subscribeAsync([one.desired, '#'], { qos: 1 }).catch(() => undefined);
    await first.endAsync();
    const other = await connectTwo();
    await other.publishAsync(two.reported, 'secret', { qos: 1 });
    const again = await connectOne({ clean: false });
    const inbox = new Inbox(again);
    await again.subscribeAsync(one.desired, { qos: 1 });
    await inbox.until(() => inbox.messages.some(({ topic }) => topic === one.desired));
    expect(inbox.messages.some(({ topic }) => topic === two.reported)).toBe(false);
  });

  it.each([
    ["another device's up tree", two.presence],
    ["another device's dn tree", two.desired],
    ['its own dn tree', one.desired],
    ['the whole workspace', 'sluice/v1/local/all/trust'],
    ['the up level itself', 'sluice/v1/local/d/one/up'],
    ['$SYS', '$SYS/one/up/presence'],
  ])('a publication on %s, which reaches nobody', async (_what, topic) => {
    const { workspace, connectOne, connectTwo } = await twoDevices();
    const victim = await connectTwo();
    const inbox = new Inbox(victim);
    await victim.subscribeAsync([two.downFilter, 'sluice/v1/local/all/#'], { qos: 1 });
    await inbox.until(() => inbox.messages.length === 1);
    const client = await connectOne();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    const presence = { schemaVersion: 1, state: 'online', boot: 'forged', connection: 9 };
    client.publish(topic, JSON.stringify(presence), { qos: 1, retain: true });
    await closed;
    await victim.publishAsync(two.presence, JSON.stringify({ ...presence, boot: 'true' }), { qos: 1 });
    await eventually(async () => (await workspace.expect<Device>('GET', '/devices/two')).presence !== null);
    expect((await workspace.expect<Device>('GET', '/devices/two')).presence?.boot).toBe('true');
    expect(inbox.messages).toHaveLength(1);
  });

  it('a will on a topic of another device, and carries out one of its own', async () => {
    const { workspace, connectOne, connectTwo } = await twoDevices();
    const lost = (boot: string) => JSON.stringify({ schemaVersion: 1, state: 'lost', boot, connection: 1 });
    const forger = await connectOne({
      will: { topic: two.presence, payload: Buffer.from(lost('forged')), qos: 1, retain: true },
    });
    const honest = await connectTwo({
      will: { topic: two.presence, payload: Buffer.from(lost('true')), qos: 1, retain: true },
    });
    forger.stream.destroy();
    await new Promise<void>((resolve) => forger.once('close', () => resolve()));
    await connectOne();
    expect((await workspace.expect<Device>('GET', '/devices/two')).presence).toBeNull();
    honest.stream.destroy();
    await eventually(async () => (await workspace.expect<Device>('GET', '/devices/two')).presence !== null);
    expect((await workspace.expect<Device>('GET', '/devices/two')).presence?.boot).toBe('true');
  });

  it('a packet larger than the limit, at its header, and goes on with everybody else', async () => {
    const { connectOne, connectTwo } = await twoDevices();
    const other = await connectTwo();
    const client = await connectOne();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.publish(one.reported, Buffer.alloc(limits.mqttPacketBytesMax), { qos: 0 });
    await closed;
    await other.publishAsync(two.reported, Buffer.alloc(limits.mqttPacketBytesMax - 100), { qos: 1 });
    expect(other.connected).toBe(true);
  });

  it.each([
    ['on a topic that nobody reads', `${one.upFilter.slice(0, -1)}other`, 1],
    ['larger than a report', one.reported, limits.reportedDocumentBytesMax + 1],
  ])('to retain a message %s, which would stay in memory for good', async (_what, topic, sizeBytes) => {
    const { connectOne } = await twoDevices();
    const client = await connectOne();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.publish(topic, Buffer.alloc(sizeBytes, 'x'), { qos: 1, retain: true });
    await closed;
  });

  it('more subscriptions of one device than the limit', async () => {
    const { connectOne } = await twoDevices();
    const client = await connectOne();
    const filters = Array.from({ length: 200 }, (_, index) => `${one.downFilter.slice(0, -1)}${index}`);
    const granted = await new Promise<number>((resolve) => {
      client.subscribe(filters, { qos: 0 }, (_error, _grants, packet) =>
        resolve((packet?.granted ?? []).filter((grant) => grant !== 128).length),
      );
    });
    expect(granted).toBe(workspaceLimits.deviceSubscriptionsMax);
    await expect(client.subscribeAsync(`${one.downFilter.slice(0, -1)}more`)).rejects.toThrow();
    await client.unsubscribeAsync(filters);
    await client.subscribeAsync(one.desired, { qos: 1 });
  });

  it('more messages of QoS 2 under way than the limit', async () => {
    const { workspace, tokenOne } = await twoDevices();
    const { hostname, port } = new URL(workspace.addresses.mqttUrl);
    const socket = connectSocket(Number(port), hostname);
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    socket.write(mqttConnect('one', tokenOne));
    for (let id = 1; id <= workspaceLimits.deviceQos2InFlightMax + 1; id += 1) {
      socket.write(mqttPublishQos2(`${one.upFilter.slice(0, -1)}other`, id));
    }
    await closed;
  });

  it('an oversized first packet from somebody unknown', async () => {
    const { workspace } = await twoDevices();
    const { hostname, port } = new URL(workspace.addresses.mqttUrl);
    const socket = connectSocket(Number(port), hostname);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await closed;
  });
});

describe('the embedded broker ends the session of a device', () => {
  it('whose token was replaced, and takes the new token only', async () => {
    const { workspace, tokenOne, connectOne } = await twoDevices();
    const client = await connectOne();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    const { token } = await workspace.expect<{ token: string }>('POST', '/devices/one/token');
    await closed;
    await expect(workspace.connect('one', tokenOne)).rejects.toMatchObject({ code: 4 });
    expect((await workspace.connect('one', token)).connected).toBe(true);
  });

  it('whose token was replaced while its session was being made', async () => {
    const broker: EmbeddedBroker = new EmbeddedBroker({
      workspace: 'local',
      host: '127.0.0.1',
      port: 0,
      authenticate: (device) => {
        queueMicrotask(() => broker.disconnect(device));
        return true;
      },
      logger: silentLogger,
    });
    await broker.start();
    onTestFinished(() => broker.stop());
    const credentials = { clientId: 'one', username: 'one', password: 'replaced' };
    const url = `mqtt://127.0.0.1:${broker.port}`;
    const connected = connectMqtt(url, credentials).then(async (client) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return client.connected;
    });
    expect(await connected.catch(() => false)).toBe(false);
  });

  it('that was removed', async () => {
    const { workspace, tokenOne, connectOne } = await twoDevices();
    const client = await connectOne();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    await workspace.expect('DELETE', '/devices/one');
    await closed;
    await expect(workspace.connect('one', tokenOne)).rejects.toMatchObject({ code: 4 });
    expect((await workspace.call('GET', '/devices/one')).status).toBe(404);
  });
});
