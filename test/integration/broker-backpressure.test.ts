import type { MqttClient } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deviceTopics } from '../../contract/topics.ts';
import { EmbeddedBroker } from '../../workspace/mqtt/embedded-broker.ts';
import { connectMqtt, eventually, Inbox, silentLogger } from '../support/workspace-fixture.ts';

const chunk = Buffer.alloc(64 * 1024, 7);
const block = (device: string) => deviceTopics({ workspace: 'w', device }).block;

async function startBroker(drainTimeoutMs: number): Promise<EmbeddedBroker> {
  const broker = new EmbeddedBroker({
    workspace: 'w',
    host: '127.0.0.1',
    port: 0,
    authenticate: () => true,
    logger: silentLogger,
    drainTimeoutMs,
  });
  await broker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

async function subscriber(port: number, device: string): Promise<MqttClient> {
  const client = await connectMqtt(`mqtt://127.0.0.1:${port}`, {
    clientId: device,
    username: device,
    password: 'any',
  });
  await client.subscribeAsync(block(device));
  return client;
}

/** Makes a client take nothing any more from its socket. */
function freeze(client: MqttClient): void {
  client.stream.unpipe();
  client.stream.pause();
}

describe('the embedded broker', () => {
  it('serves a device in full while another reads nothing', async () => {
    const broker = await startBroker(20_000);
    freeze(await subscriber(broker.port, 'frozen'));
    const healthy = new Inbox(await subscriber(broker.port, 'healthy'));
    // Far more than aedes hands out at once by default, and more than the sockets' own buffers hold.
    const publications = 400;
    for (let index = 0; index < publications; index += 1) {
      void broker.publish(block('frozen'), chunk, { qos: 0, retain: false }).catch(() => undefined);
      void broker.publish(block('healthy'), Buffer.from([index % 256]), { qos: 0, retain: false });
    }
    await healthy.until(() => healthy.messages.length === publications);
    expect(healthy.messages.map(({ payload }) => payload[0])).toEqual(
      Array.from({ length: publications }, (_, index) => index % 256),
    );
    // A message can arrive before its writing is accounted for.
    await eventually(() => broker.backlogBytes('healthy') === 0);
    expect(broker.backlogBytes('frozen')).toBeGreaterThan(0);
  });

  it('closes the session of a device that reads nothing, and forgets what it owed it', async () => {
    const broker = await startBroker(100);
    freeze(await subscriber(broker.port, 'frozen'));
    for (let index = 0; index < 400; index += 1) {
      void broker.publish(block('frozen'), chunk, { qos: 0, retain: false }).catch(() => undefined);
    }
    await eventually(() => broker.backlogBytes('frozen') === 0);
    expect(broker.backlogBytes('frozen')).toBe(0);
  });

  it('stops at once although a device reads nothing', async () => {
    const broker = await startBroker(20_000);
    freeze(await subscriber(broker.port, 'frozen'));
    for (let index = 0; index < 400; index += 1) {
      void broker.publish(block('frozen'), chunk, { qos: 0, retain: false }).catch(() => undefined);
    }
    await broker.stop();
    await broker.stop();
    expect(broker.connected).toBe(false);
    await expect(broker.publish('x', chunk, { qos: 0, retain: false })).rejects.toMatchObject({
      code: 'broker_unreachable',
    });
  });
});
