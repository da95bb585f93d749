import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentOptions } from '../../agent/agent.ts';
import type { DesiredEndpoint } from '../../contract/messages.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { addImage } from '../support/test-image.ts';
import { eventually } from '../support/workspace-fixture.ts';

const keys = { primary: 'a'.repeat(64), secondary: 'b'.repeat(64) };
const shop: DesiredEndpoint = { name: 'shop', traffic: { fashion: 100 }, mirror: {}, keys };

/** A device that serves one deployment behind an endpoint with keys. */
async function keyedWorld() {
  const world = await AgentWorld.start();
  const image = addImage(world.workspace, 'fashion', { version: 1 });
  const agent = await world.startAgent();
  world.workspace.desire(1, [image], { endpoints: [shop] });
  await world.untilServing(image);
  return { world, image, agent };
}

/** Starts the agent again with nobody to talk to; resolves when it serves what it did. */
async function startAlone(world: AgentWorld, options: Partial<AgentOptions> = {}): Promise<void> {
  world.events.length = 0;
  await world.startAgent({ workspaceUrl: 'http://127.0.0.1:9', ...options });
  await eventually(() => world.events.some(({ type }) => type === 'serving'));
}

describe('endpoints on a device', () => {
  it('change without a restart, and are reported when they are in force', async () => {
    const { world, image } = await keyedWorld();
    const before = await world.served();
    expect(before.configured).toMatchObject({ endpoints: [shop], deployments: ['fashion'] });
    const rotated = { ...shop, keys: { ...keys, secondary: 'c'.repeat(64) } };
    world.workspace.desire(2, [image], { endpoints: [rotated] });
    const inForce = () => world.workspace.reported?.scoring.configured?.generation;
    await world.workspace.until(() => inForce() === 2, 'generation 2 is in force');
    const after = await world.served();
    expect([after.pid, after.configured?.endpoints]).toEqual([before.pid, [rotated]]);

    // Two endpoints that claim one deployment change nothing.
    world.workspace.desire(3, [image], { endpoints: [shop, { ...shop, name: 'other', keys: null }] });
    await world.workspace.until(
      () => world.workspace.reported?.refused?.code === 'desired_invalid',
      'refused',
    );
    expect((await world.served()).configured?.endpoints).toEqual([rotated]);
  });

  it('bring along what is collected, and nothing is on the word of a damaged document', async () => {
    const { world, image, agent } = await keyedWorld();
    const before = await world.served();
    expect(before.configured?.collect).toEqual({});
    const collect = { collections: ['request' as const], samplingRate: 0.5 };
    world.workspace.desire(2, [{ ...image, collect }], { endpoints: [shop] });
    const inForce = () => world.workspace.reported?.scoring.configured?.generation;
    await world.workspace.until(() => inForce() === 2, 'generation 2 is in force');
    const after = await world.served();
    expect([after.pid, after.configured?.collect]).toEqual([before.pid, { fashion: collect }]);
    expect(after.collection).toMatchObject({ device: world.workspace.device, bytesMax: 256 * 1024 * 1024 });
    await agent.stop();
    await world.workspace.stopBroker();
    await startAlone(world, { collectionBytesMax: 0 });
    const alone = await world.served();
    expect([alone.configured?.collect, alone.collection]).toEqual([{ fashion: collect }, undefined]);
    await world.stopAgents();
    await writeFile(join(world.stateFolder, 'desired.json'), 'damaged');
    await startAlone(world);
    expect((await world.served()).configured).toMatchObject({ endpoints: [shop] });
    expect((await world.served()).configured?.collect).toBeUndefined();
  });

  it('are there again in a scoring process that died', async () => {
    const { world, image } = await keyedWorld();
    const { pid } = await world.served();
    process.kill(pid, 'SIGKILL');
    await world.workspace.until(
      () => (world.workspace.reported?.scoring.restarts ?? 0) > 0,
      'it starts again',
    );
    await world.untilServing(image);
    expect((await world.served()).configured?.endpoints).toEqual([shop]);
  });

  it('survive a restart without a network, also with the desired document damaged', async () => {
    const { world, agent } = await keyedWorld();
    await agent.stop();
    await world.workspace.stopBroker();
    await startAlone(world);
    expect((await world.served()).configured?.endpoints).toEqual([shop]);
    await world.stopAgents();
    await writeFile(join(world.stateFolder, 'desired.json'), 'damaged');
    await startAlone(world);
    expect((await world.served()).configured?.endpoints).toEqual([shop]);
    await world.stopAgents();

    // Nobody knows the keys any more, so nobody has one.
    await writeFile(join(world.stateFolder, 'endpoints.json'), 'damaged');
    await startAlone(world);
    const [shut, ...others] = (await world.served()).configured?.endpoints ?? [];
    expect([shut?.traffic, others]).toEqual([{ fashion: 0 }, []]);
    expect(Object.values(keys)).not.toContain(shut?.keys?.primary);
    expect(shut?.keys?.secondary).toMatch(/^[0-9a-f]{64}$/);
  });

  it('leave no trace when they are gone', async () => {
    const { world, image } = await keyedWorld();
    const path = join(world.stateFolder, 'endpoints.json');
    await eventually(() => existsSync(path));
    world.workspace.desire(2, [image]);
    await eventually(() => !existsSync(path));
    expect((await world.served()).configured?.endpoints).toEqual([]);
  });
});
