import type { MqttClient } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { type BlockFrame, decodeBlockFrame } from '../../contract/block-frame.ts';
import { deviceTopics } from '../../contract/topics.ts';
import { Inbox, type RunningWorkspace, startWorkspace } from '../support/workspace-fixture.ts';

/** 200 chunks and a bit, each different. */
const script = Buffer.alloc(200 * 65_536 + 1000);
for (let offset = 0; offset < script.length; offset += 4) script.writeUInt32LE(offset, offset);
const chunks = 201;

/** A device that is connected and listens for blocks. */
class Puller {
  readonly client: MqttClient;
  readonly #inbox: Inbox;
  readonly #topics: ReturnType<typeof deviceTopics>;

  constructor(client: MqttClient, device: string) {
    this.client = client;
    this.#inbox = new Inbox(client);
    this.#topics = deviceTopics({ workspace: 'local', device });
  }

  static async connect(workspace: RunningWorkspace, device: string, token: string): Promise<Puller> {
    const client = await workspace.connect(device, token);
    const puller = new Puller(client, device);
    await client.subscribeAsync(puller.#topics.block);
    return puller;
  }

  ask(request: unknown): void {
    const payload = typeof request === 'string' ? request : JSON.stringify(request);
    this.client.publish(this.#topics.get, payload);
  }

  want(stream: number, digest: string, ranges: [number, number][]): void {
    this.ask({ schemaVersion: 1, stream, digest, ranges });
  }

  get frames(): BlockFrame[] {
    return this.#inbox.messages.map(({ payload }) => decodeBlockFrame(payload));
  }

  async receive(count: number): Promise<BlockFrame[]> {
    await this.#inbox.until(() => this.#inbox.messages.length >= count);
    return this.frames;
  }
}

async function deployed(...devices: string[]) {
  const workspace = await startWorkspace();
  const digest = await workspace.upload(script);
  const image = await workspace.buildFashion({ script: digest });
  const pullers: Puller[] = [];
  for (const device of devices) {
    const { token } = await workspace.addDevice(device);
    pullers.push(await Puller.connect(workspace, device, token));
  }
  await workspace.expect('PUT', '/deployments/shop', { image: 'fashion:1', devices });
  return { workspace, digest, image, pullers };
}

function assemble(frames: readonly BlockFrame[]): Buffer {
  const sorted = [...frames].sort((one, other) => one.index - other.index);
  return Buffer.concat(sorted.map((frame) => (frame.kind === 'data' ? frame.bytes : Buffer.alloc(0))));
}

describe('a device pulls', () => {
  it('every blob of the image it shall run, chunk by chunk', async () => {
    const { digest, image, pullers } = await deployed('one');
    const puller = pullers[0] as Puller;
    puller.want(7, digest, [
      [0, 100],
      [100, 101],
    ]);
    const frames = await puller.receive(chunks);
    expect(new Set(frames.map(({ stream }) => stream))).toEqual(new Set([7]));
    expect(digestOf(assemble(frames))).toBe(digest);
    puller.want(8, image.digest, [[0, 1]]);
    const [manifest] = (await puller.receive(chunks + 1)).slice(chunks);
    expect(manifest?.kind === 'data' && digestOf(manifest.bytes)).toBe(image.digest);
  });

  it('beside others, each in full', async () => {
    const { digest, pullers } = await deployed('one', 'two', 'three');
    for (const puller of pullers) puller.want(1, digest, [[0, chunks]]);
    for (const puller of pullers) expect(digestOf(assemble(await puller.receive(chunks)))).toBe(digest);
  });

  it('in full while another asked for everything and reads nothing', async () => {
    const { digest, pullers } = await deployed('frozen', 'healthy');
    const [frozen, healthy] = pullers as [Puller, Puller];
    frozen.client.stream.unpipe();
    frozen.client.stream.pause();
    frozen.want(1, digest, [[0, chunks]]);
    healthy.want(1, digest, [[0, chunks]]);
    expect(digestOf(assemble(await healthy.receive(chunks)))).toBe(digest);
  });

  it('nothing that is not part of its images', async () => {
    const { workspace, digest, pullers } = await deployed('one');
    const { token } = await workspace.addDevice('two');
    const other = await Puller.connect(workspace, 'two', token);
    other.want(3, digest, [[5, 1]]);
    expect(await other.receive(1)).toMatchObject([
      { kind: 'refusal', stream: 3, index: 5, error: { code: 'forbidden' } },
    ]);
    const puller = pullers[0] as Puller;
    puller.want(4, await workspace.upload(Buffer.from('unrelated')), [[0, 1]]);
    expect(await puller.receive(1)).toMatchObject([{ kind: 'refusal', error: { code: 'forbidden' } }]);
    await workspace.expect('DELETE', '/deployments/shop');
    puller.want(5, digest, [[0, 1]]);
    expect((await puller.receive(2))[1]).toMatchObject({
      kind: 'refusal',
      stream: 5,
      error: { code: 'forbidden' },
    });
  });

  it('no chunk beyond the end, and gets no answer to what is no request', async () => {
    const { digest, pullers } = await deployed('one');
    const puller = pullers[0] as Puller;
    for (const request of ['', '{', '[]', '{"schemaVersion":1}', '\u0000\u0001', 'x'.repeat(20_000)])
      puller.ask(request);
    puller.want(1, digest, [[0, 0]]);
    puller.want(70_000, digest, [[0, 1]]);
    puller.want(1, digest, [[0, 257]]);
    puller.want(2, digest, [[chunks, 1]]);
    puller.want(3, digest, [[chunks - 1, 1]]);
    const frames = await puller.receive(2);
    expect(frames[0]).toMatchObject({ kind: 'refusal', stream: 2, error: { code: 'invalid_request' } });
    expect(frames[1]).toMatchObject({ kind: 'data', stream: 3, index: chunks - 1 });
    expect(frames).toHaveLength(2);
  });
});
