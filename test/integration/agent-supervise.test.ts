import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DesiredDeployment } from '../../contract/messages.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { addImage } from '../support/test-image.ts';

/** Limits that a busy machine keeps, for tests in which nothing but the image may fail. */
const patience = { activateTimeoutMs: 10_000, trialMs: 2_000 };
/** The same where each hang is waited for. */
const shortPatience = { activateTimeoutMs: 2_500, trialMs: 2_000 };

async function serving(
  version = 1,
  limits: Partial<typeof patience> = {},
): Promise<{ world: AgentWorld; good: DesiredDeployment }> {
  const world = await AgentWorld.start();
  const good = addImage(world.workspace, 'fashion', { version });
  await world.startAgent({ limits });
  world.workspace.desire(1, [good]);
  await world.untilServing(good, { committed: true });
  return { world, good };
}

describe('an agent that supervises', () => {
  it('starts a dead scoring process again, with what it served, on the same port', async () => {
    const { world, good } = await serving();
    const before = await world.served();
    process.kill(before.pid, 'SIGKILL');
    await world.workspace.until(() => world.workspace.reported?.scoring.restarts === 1, 'restarted');
    await world.untilServing(good);
    const after = await world.served();
    expect(after.pid).not.toBe(before.pid);
    expect(after.served).toEqual({ fashion: good.image.digest });
  });

  it.each(['crash', 'hang', 'crash-later'])(
    'condemns an image after three times of: %s, and goes back to the last good one',
    async (behaviour) => {
      const { world, good } = await serving(1, behaviour === 'hang' ? shortPatience : patience);
      const bad = addImage(world.workspace, 'fashion', { version: 2 });
      await world.behave({ [bad.image.digest]: behaviour });
      world.workspace.desire(2, [bad]);
      await world.workspace.until(() => world.reported('fashion')?.phase === 'failed', 'condemned');
      await world.workspace.until(
        () => world.reported('fashion')?.active === good.image.digest,
        'rolled back',
      );
      expect(world.reported('fashion')).toMatchObject({
        active: good.image.digest,
        candidate: bad.image.digest,
        lastGood: good.image.digest,
        error: { code: 'scoring_crashed' },
      });
      expect(world.workspace.reported?.scoring.restarts).toBe(3);
      expect((await world.served()).served).toEqual({ fashion: good.image.digest });
      const last = world.events.filter(({ type }) => type === 'failed').at(-1);
      expect(last).toMatchObject({ image: bad.image.digest, error: { code: 'scoring_crashed' } });
    },
  );

  it.each(['golden_mismatch', 'program_invalid', 'engine_failed', 'model_unsupported'])(
    'condemns an image that the scoring process rejects with %s, over restarts too',
    async (code) => {
      const world = await AgentWorld.start();
      const good = addImage(world.workspace, 'fashion', { version: 1 });
      const bad = addImage(world.workspace, 'fashion', { version: 2 });
      const first = await world.startAgent();
      world.workspace.desire(1, [good]);
      await world.untilServing(good);
      await world.behave({ [bad.image.digest]: code });
      world.workspace.desire(2, [bad]);
      await world.workspace.until(() => world.reported('fashion')?.phase === 'failed', 'rejected');
      expect((await world.served()).served).toEqual({ fashion: good.image.digest });
      expect(world.reported('fashion')).toMatchObject({ active: good.image.digest, error: { code } });
      await first.stop();
      await world.behave({});
      await world.startAgent();
      await world.workspace.until(
        () => world.reported('fashion')?.error?.code === 'image_quarantined',
        'remembered',
      );
      expect((await world.served()).served).toEqual({ fashion: good.image.digest });
    },
  );

  it('tries a transient failure again', async () => {
    const { world } = await serving();
    const next = addImage(world.workspace, 'fashion', { version: 2 });
    await world.behave({ [next.image.digest]: 'device_unavailable' });
    world.workspace.desire(2, [next]);
    await world.workspace.until(
      () => world.reported('fashion')?.error?.code === 'device_unavailable',
      'rejected',
    );
    await world.behave({});
    await world.untilServing(next);
  });

  it('does not let a failing deployment hold up another', async () => {
    const { world, good } = await serving();
    const bad = addImage(world.workspace, 'bad', { version: 2 });
    const late = addImage(world.workspace, 'late', { version: 3 });
    await world.behave({ [bad.image.digest]: 'crash' });
    world.workspace.desire(2, [bad, good, late]);
    await world.untilServing(late);
    await world.workspace.until(() => world.reported('bad')?.phase === 'failed', 'condemned');
    await world.untilServing(late);
    await world.untilServing(good);
    expect((await world.served()).served).toEqual({
      fashion: good.image.digest,
      late: late.image.digest,
    });
  });

  it('counts an activation that the device did not survive', async () => {
    const world = await AgentWorld.start();
    const good = addImage(world.workspace, 'fashion', { version: 1 });
    const bad = addImage(world.workspace, 'fashion', { version: 2 });
    const first = await world.startAgent();
    world.workspace.desire(1, [good]);
    await world.untilServing(good, { committed: true });
    await first.stop();
    const path = join(world.stateFolder, 'deployments.json');
    const file = JSON.parse(await readFile(path, 'utf8')) as { deployments: Record<string, object> };
    const trial = { image: bad.image.digest, crashes: 2, activating: true };
    file.deployments.fashion = { ...file.deployments.fashion, trial };
    await writeFile(path, JSON.stringify(file));
    world.workspace.desire(2, [bad]);
    await world.startAgent();
    await world.workspace.until(() => world.reported('fashion')?.phase === 'failed', 'condemned');
    expect(world.reported('fashion')).toMatchObject({
      active: good.image.digest,
      error: { code: 'scoring_crashed' },
    });
  });
});
