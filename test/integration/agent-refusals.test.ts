import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { limits } from '../../contract/limits.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { addImage, type TestImageOptions } from '../support/test-image.ts';

const stranger = generateKeyPairSync('ed25519').privateKey;
const simulator = { kind: 'simulator', configuration: 'ci' } as const;

describe('an agent that refuses', () => {
  it.each<[string, Partial<TestImageOptions>, string]>([
    ['an image signed by a stranger', { key: stranger }, 'signature_invalid'],
    ['an image whose signature is for another', { signsOther: true }, 'signature_invalid'],
    ['a program for other hardware', { hardwareHash: 'e'.repeat(64) }, 'program_hardware_mismatch'],
  ])('refuses %s before its large layers, and the old one serves on', async (_what, wrong, code) => {
    const world = await AgentWorld.start();
    const good = addImage(world.workspace, 'fashion', { version: 1 });
    const modelBytes = 7 * limits.chunkBytes;
    const bad = addImage(world.workspace, 'fashion', { version: 2, modelBytes, ...wrong });
    const model = [...world.workspace.blobs].find(([, { length }]) => length === modelBytes)?.[0] ?? '';
    await world.startAgent({ npu: simulator });
    world.workspace.desire(1, [good]);
    await world.untilServing(good);
    world.workspace.desire(2, [bad]);
    await world.workspace.until(() => world.reported('fashion')?.phase === 'failed', 'refused');
    expect(world.reported('fashion')).toMatchObject({ active: good.image.digest, error: { code } });
    expect(world.workspace.reported?.seen?.generation).toBe(2);
    expect(world.workspace.reported?.applied?.generation).toBe(1);
    expect(world.workspace.sent.filter((sent) => sent.startsWith(model))).toEqual([]);
    expect((await world.served()).served).toEqual({ fashion: good.image.digest });
    const fixed = addImage(world.workspace, 'fashion', { version: 3 });
    world.workspace.desire(3, [fixed]);
    await world.untilServing(fixed);
    expect(world.reported('fashion')?.error).toBeNull();
  });

  it('ignores the program of an image when the device has no NPU', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1, hardwareHash: 'e'.repeat(64) });
    await world.startAgent();
    world.workspace.desire(1, [image]);
    await world.untilServing(image);
  });

  it('refuses stale, foreign and unreadable desired documents, and reports each', async () => {
    const world = await AgentWorld.start();
    const image = addImage(world.workspace, 'fashion', { version: 1 });
    await world.startAgent();
    world.workspace.desire(5, [image]);
    await world.untilServing(image);
    const refused = (): string | undefined => world.workspace.reported?.refused?.code;
    world.workspace.desire(4, []);
    await world.workspace.until(() => refused() === 'desired_stale', 'stale');
    world.workspace.desire(6, [], { device: 'd2' });
    await world.workspace.until(() => refused() === 'desired_invalid', 'foreign');
    world.workspace.publishDesired(Buffer.from('nonsense'));
    await world.workspace.until(() => refused() === 'signature_invalid', 'unreadable');
    expect((await world.served()).served).toEqual({ fashion: image.image.digest });
    world.workspace.desire(6, [image]);
    await world.workspace.until(() => world.workspace.reported?.refused === null, 'accepted');
    expect(world.workspace.reported?.applied?.generation).toBe(6);
  });
});
