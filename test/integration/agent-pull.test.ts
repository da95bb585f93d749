import { mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlobStore } from '../../base/blob-store.ts';
import { chunkCount } from '../../contract/chunk-index.ts';
import { limits } from '../../contract/limits.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { seededFractions } from '../support/fractions.ts';
import { addImage } from '../support/test-image.ts';
import type { Fault } from '../support/test-workspace.ts';

/** For tests that count chunks: what is late for a while is not asked for again. */
const askedOnce = { chunkTimeoutFirstMs: 60_000, chunkTimeoutMinMs: 60_000 };

describe('an agent that pulls', () => {
  it('pulls, verifies, activates and commits an image, and reports each step', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    await world.startAgent();
    world.workspace.desire(1, [image]);
    await world.untilServing(image, { committed: true });
    expect((await world.served()).served).toEqual({ fashion: image.image.digest });
    const { reported } = world.workspace;
    expect(reported).toMatchObject({
      device: 'd1',
      seen: { epoch: 'e1', generation: 1 },
      applied: { epoch: 'e1', generation: 1 },
      refused: null,
      scoring: { state: 'listening', restarts: 0 },
    });
    const { haveBytes, needBytes } = world.reported('fashion') ?? {};
    expect(haveBytes).toBe(needBytes);
    const kinds = world.events.map((event) => event.type);
    expect(kinds.filter((kind, position) => kind !== kinds[position - 1])).toEqual([
      'listening',
      'fetching',
      'verifying',
      'fetching',
      'verifying',
      'warming',
      'serving',
    ]);
    expect(world.workspace.presence.map(({ state }) => state)).toEqual(['online']);
  });

  it('brings the same image over a link that drops, doubles, damages and misdirects', async () => {
    const world = await AgentWorld.start();
    const random = seededFractions(2);
    const faults: Fault[] = ['drop', 'corrupt', 'duplicate', 'wrong-stream'];
    const damaged = new Map<string, number>();
    world.workspace.fault = (digest, index) => {
      // Never so often that a chunk without a hash, or one that keeps arriving wrong, is given up.
      const key = `${digest}/${index}`;
      const count = damaged.get(key) ?? 0;
      if (count >= 2 || random() < 0.6) return undefined;
      damaged.set(key, count + 1);
      return faults[Math.floor(random() * faults.length)];
    };
    const image = addImage(world.workspace, 'fashion', {
      version: 1,
      modelBytes: 30 * limits.chunkBytes + 1,
    });
    await world.startAgent();
    world.workspace.desire(1, [image]);
    await world.untilServing(image);
    const blobs = new BlobStore(join(world.stateFolder, 'oci'));
    for (const [digest, bytes] of world.workspace.blobs) {
      expect(Buffer.from(bytes).equals(await blobs.read(digest, { bytesMax: bytes.length }))).toBe(true);
    }
  });

  it('resumes after its link and after its own end, without fetching chunks twice', async () => {
    const world = await AgentWorld.start();
    const modelBytes = 200 * limits.chunkBytes;
    const image = addImage(world.workspace, 'fashion', { version: 1, modelBytes });
    const model = [...world.workspace.blobs].find(([, bytes]) => bytes.length === modelBytes)?.[0] ?? '';
    const sentOfModel = (): number => world.workspace.sent.filter((sent) => sent.startsWith(model)).length;
    world.workspace.fault = (digest, index) => (digest === model && index >= 80 ? 'drop' : undefined);
    const first = await world.startAgent({ limits: askedOnce });
    world.workspace.desire(1, [image]);
    await world.workspace.until(() => sentOfModel() === 80, '80 chunks sent');
    await world.workspace.until(
      () => (world.reported('fashion')?.haveBytes ?? 0) > 79 * limits.chunkBytes,
      'kept',
    );
    await world.workspace.stopBroker();
    world.workspace.fault = (digest, index) => (digest === model && index >= 150 ? 'drop' : undefined);
    await world.workspace.startBroker();
    world.workspace.desire(1, [image]);
    await world.workspace.until(() => sentOfModel() === 150, '150 chunks sent');
    await world.workspace.until(
      () => (world.reported('fashion')?.haveBytes ?? 0) > 149 * limits.chunkBytes,
      'kept',
    );
    await first.stop();
    world.workspace.fault = () => undefined;
    await world.startAgent({ limits: askedOnce });
    await world.untilServing(image);
    expect(sentOfModel()).toBe(chunkCount(modelBytes));
    expect(await readdir(join(world.stateFolder, 'partial'))).toEqual([]);
  });

  it('lets a newer document end a pull that does not come to an end', async () => {
    const world = await AgentWorld.start();
    const endless = addImage(world.workspace, 'fashion', { version: 1 });
    const next = addImage(world.workspace, 'fashion', { version: 2 });
    const signature = endless.signature.digest;
    world.workspace.fault = (digest) => (digest === signature ? 'drop' : undefined);
    await world.startAgent({ limits: { chunkTriesMax: 1_000 } });
    world.workspace.desire(1, [endless]);
    await world.workspace.until(() => world.reported('fashion')?.phase === 'fetching', 'fetching');
    world.workspace.desire(2, [next]);
    await world.untilServing(next);
  });

  it('gives up a blob that is not there, tells why, and takes it when it comes', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    const other = addImage(world.workspace, 'other', { version: 2 });
    const signature = world.workspace.blobs.get(image.signature.digest) ?? new Uint8Array();
    world.workspace.blobs.delete(image.signature.digest);
    await world.startAgent();
    world.workspace.desire(1, [image, other]);
    await world.workspace.until(
      () => world.reported('fashion')?.error?.code === 'blob_unavailable',
      'refused',
    );
    await world.untilServing(other);
    world.workspace.blobs.set(image.signature.digest, signature);
    await world.untilServing(image);
    expect(world.reported('fashion')?.error).toBeNull();
  });

  it('gives up chunks that keep arriving damaged, and keeps the old image serving', async () => {
    const world = await AgentWorld.start();
    const good = addImage(world.workspace, 'fashion', { version: 1 });
    const bad = addImage(world.workspace, 'fashion', { version: 2, modelBytes: 5 * limits.chunkBytes });
    await world.startAgent();
    world.workspace.desire(1, [good]);
    await world.untilServing(good);
    const model = [...world.workspace.blobs].find(([, { length }]) => length === 5 * limits.chunkBytes)?.[0];
    world.workspace.fault = (digest, index) => (digest === model && index === 3 ? 'corrupt' : undefined);
    world.workspace.desire(2, [bad]);
    await world.workspace.until(() => world.reported('fashion')?.error?.code === 'chunk_corrupt', 'corrupt');
    expect(world.reported('fashion')).toMatchObject({
      active: good.image.digest,
      candidate: bad.image.digest,
    });
    expect((await world.served()).served).toEqual({ fashion: good.image.digest });
    world.workspace.fault = () => undefined;
    await world.untilServing(bad);
  });

  it('refuses an image before it has room for it on disk', async () => {
    const world = await AgentWorld.start();
    const good = addImage(world.workspace, 'fashion', { version: 1 });
    const first = await world.startAgent();
    world.workspace.desire(1, [good]);
    await world.untilServing(good);
    await first.stop();
    const large = addImage(world.workspace, 'fashion', { version: 2 });
    await world.startAgent({ limits: { ...askedOnce, diskReserveBytes: Number.MAX_SAFE_INTEGER } });
    const before = world.workspace.sent.length;
    world.workspace.desire(2, [large]);
    await world.workspace.until(() => world.reported('fashion')?.error?.code === 'disk_full', 'disk full');
    expect((await world.served()).served).toEqual({ fashion: good.image.digest });
    // Manifest and signature alone were fetched.
    expect(world.workspace.sent.length - before).toBe(2);
  });

  it.each(['signature', 'image'] as const)('pulls anew a %s that is damaged on its disk', async (part) => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    await world.startAgent();
    const { digest, size } = image[part];
    await writeFile(join(world.stateFolder, 'oci/blobs/sha256', digest.slice(7)), Buffer.alloc(size));
    world.workspace.desire(1, [image]);
    await world.untilServing(image);
  });

  it('takes a desired document that it could not store as soon as it can', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    await world.startAgent();
    const inTheWay = join(world.stateFolder, 'desired.json');
    await mkdir(inTheWay);
    world.workspace.desire(1, [image]);
    await world.workspace.until(() => (world.workspace.reported?.refused ?? null) !== null, 'refused');
    expect(world.workspace.reported?.seen).toBeNull();
    await rmdir(inTheWay);
    await world.untilServing(image);
    expect(world.workspace.reported?.refused).toBeNull();
  });

  it('removes blobs that nothing needs any more, and those of removed deployments', async () => {
    const world = await AgentWorld.start();
    const [one, two, three] = [1, 2, 3].map((version) => addImage(world.workspace, 'fashion', { version }));
    if (!one || !two || !three) throw new Error('three images are needed');
    await world.startAgent();
    for (const [position, image] of [one, two, three].entries()) {
      world.workspace.desire(position + 1, [image]);
      await world.untilServing(image, { committed: true });
    }
    const has = (digest: string): Promise<boolean> =>
      stat(join(world.stateFolder, 'oci/blobs/sha256', digest.slice(7))).then(
        () => true,
        () => false,
      );
    for (let patience = 0; (await has(two.image.digest)) && patience < 100; patience += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await has(one.image.digest)).toBe(false);
    expect(await has(two.image.digest)).toBe(false);
    expect(await has(three.image.digest)).toBe(true);
    world.workspace.desire(4, []);
    await world.workspace.until(
      () => Object.keys(world.workspace.reported?.deployments ?? { x: 1 }).length === 0,
      'gone',
    );
    expect((await world.served()).served).toEqual({});
    expect(world.workspace.reported?.applied?.generation).toBe(4);
  });
});
