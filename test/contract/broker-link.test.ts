import { describe, expect, it, onTestFinished } from 'vitest';
import { deviceTopics, workspaceFilters } from '../../contract/topics.ts';
import type { BrokerLink } from '../../workspace/mqtt/broker-link.ts';
import { EmbeddedBroker } from '../../workspace/mqtt/embedded-broker.ts';
import { ExternalBroker } from '../../workspace/mqtt/external-broker.ts';
import {
  mosquittoInstalled,
  type OutsideBroker,
  startMosquitto,
  startPlainAedes,
} from '../support/outside-broker.ts';
import { connectMqtt, eventually, Inbox, silentLogger } from '../support/workspace-fixture.ts';

const topics = deviceTopics({ workspace: 'w', device: 'one' });
const filters = workspaceFilters('w');

/** A link that is not started yet, and where devices connect once it is. */
interface Subject {
  link: BrokerLink;
  url: () => string;
}

function embedded(): Subject {
  const link = new EmbeddedBroker({
    workspace: 'w',
    host: '127.0.0.1',
    port: 0,
    authenticate: () => true,
    logger: silentLogger,
  });
  return { link, url: () => `mqtt://127.0.0.1:${link.port}` };
}

function externalTo(broker: OutsideBroker): Subject {
  const link = new ExternalBroker({
    url: broker.url,
    clientId: `workspace-${Math.random()}`,
    logger: silentLogger,
    random: () => 0.01,
  });
  return { link, url: () => broker.url };
}

const withMosquitto = mosquittoInstalled();
if (!withMosquitto) {
  process.emitWarning('mosquitto is not installed, so it is not tested; apt-get install mosquitto');
}

const implementations: [string, boolean, () => Promise<Subject>][] = [
  ['embedded', true, async () => embedded()],
  ['external, to a plain aedes', true, async () => externalTo(await startPlainAedes())],
  [
    'external, to mosquitto',
    withMosquitto,
    async () => externalTo(await startMosquitto(['allow_anonymous true'])),
  ],
];

async function started(make: () => Promise<Subject>, prepare: (link: BrokerLink) => void = () => undefined) {
  const subject = await make();
  onTestFinished(() => subject.link.stop());
  prepare(subject.link);
  await subject.link.start();
  await eventually(() => subject.link.connected);
  const device = () => connectMqtt(subject.url(), { clientId: 'one', username: 'one', password: 'any' });
  return { link: subject.link, device };
}

describe.each(implementations)('a broker link, %s,', (_name, available, make) => {
  const test = it.skipIf(!available);

  test('keeps a retained document for a device that comes later', async () => {
    const { link, device } = await started(make);
    await link.publish(topics.desired, Buffer.from('first'), { qos: 1, retain: true });
    await link.publish(topics.desired, Buffer.from('second'), { qos: 1, retain: true });
    const client = await device();
    const inbox = new Inbox(client);
    await client.subscribeAsync(topics.desired, { qos: 1 });
    await inbox.until(() => inbox.messages.length > 0);
    expect(inbox.messages).toMatchObject([{ topic: topics.desired, retain: true }]);
    expect(inbox.messages[0]?.payload.toString()).toBe('second');
  });

  test('forgets a retained document when an empty one is published', async () => {
    const { link, device } = await started(make);
    await link.publish(topics.desired, Buffer.from('first'), { qos: 1, retain: true });
    await link.publish(topics.desired, new Uint8Array(), { qos: 1, retain: true });
    const client = await device();
    const inbox = new Inbox(client);
    await client.subscribeAsync([topics.desired, topics.block], { qos: 1 });
    await link.publish(topics.block, Buffer.from('block'), { qos: 0, retain: false });
    await inbox.until(() => inbox.messages.length > 0);
    expect(inbox.messages.map(({ topic }) => topic)).toEqual([topics.block]);
  });

  test('delivers bytes as they are, in order', async () => {
    const { link, device } = await started(make);
    const client = await device();
    const inbox = new Inbox(client);
    await client.subscribeAsync(topics.block);
    const sent = Array.from({ length: 50 }, (_, index) => Buffer.alloc(1 + index * 1300, index));
    for (const payload of sent) await link.publish(topics.block, payload, { qos: 0, retain: false });
    await inbox.until(() => inbox.messages.length === sent.length);
    expect(inbox.messages.every(({ payload }, index) => payload.equals(sent[index] ?? Buffer.of()))).toBe(
      true,
    );
    await eventually(() => link.backlogBytes('one') === 0);
  });

  test('hands each message to the handlers of its filter, although one of them throws', async () => {
    const got: string[] = [];
    const { device } = await started(make, (link) => {
      link.subscribe(filters.presence, (topic, payload) => {
        got.push(`${topic} ${Buffer.from(payload).toString()}`);
        throw new Error('a handler that fails');
      });
      link.subscribe(filters.get, (topic) => got.push(topic));
    });
    const client = await device();
    await client.publishAsync(topics.reported, 'nobody listens', { qos: 1 });
    await client.publishAsync(topics.presence, 'here', { qos: 1 });
    await client.publishAsync(topics.get, 'wanted', { qos: 0 });
    await eventually(() => got.length === 2);
    expect(got).toEqual([`${topics.presence} here`, topics.get]);
  });

  test('says when it is connected, and that it is stopped', async () => {
    let connections = 0;
    const { link } = await started(make, (subject) => subject.onConnected(() => (connections += 1)));
    expect(connections).toBe(1);
    await link.stop();
    await link.stop();
    expect(link.connected).toBe(false);
    await expect(link.publish('x', Buffer.of(1), { qos: 1, retain: false })).rejects.toMatchObject({
      code: 'broker_unreachable',
    });
  });
});

const outside: [string, boolean, () => Promise<OutsideBroker>][] = [
  ['a plain aedes', true, startPlainAedes],
  ['mosquitto', withMosquitto, () => startMosquitto(['allow_anonymous true'])],
];

describe.each(outside)('a link to %s', (_name, available, startBroker) => {
  it.skipIf(!available)('comes back after the broker did, with its subscriptions', async () => {
    const broker = await startBroker();
    const got: string[] = [];
    let connections = 0;
    const { link, device } = await started(
      async () => externalTo(broker),
      (subject) => {
        subject.subscribe(filters.presence, (topic) => got.push(topic));
        subject.onConnected(() => (connections += 1));
      },
    );
    await broker.interrupt();
    await eventually(() => !link.connected);
    await expect(link.publish('x', Buffer.of(1), { qos: 1, retain: false })).rejects.toMatchObject({
      code: 'broker_unreachable',
    });
    await broker.resume();
    await eventually(() => link.connected);
    expect(connections).toBe(2);
    const client = await device();
    await client.publishAsync(topics.presence, 'here', { qos: 1 });
    await eventually(() => got.length === 1);
    expect(got).toEqual([topics.presence]);
  });
});
