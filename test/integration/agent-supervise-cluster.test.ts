import { describe, expect, it } from 'vitest';
import { AgentWorld } from '../support/agent-world.ts';
import { addImage } from '../support/test-image.ts';

const several = { processes: 2, scoringEntry: new URL('../support/cluster-child.js', import.meta.url) };
/** Limits that a busy machine keeps: a trial is longer than a process takes to come back and die of the image. */
const limits = { activateTimeoutMs: 10_000, trialMs: 4_000 };

/** What answers on several connections, which the processes get in turn. */
async function served(world: AgentWorld): Promise<{ pids: Set<number>; images: (string | undefined)[] }> {
  const answers = [];
  for (let round = 0; round < 4; round += 1) answers.push(await world.served());
  const images = new Set(answers.map((answer) => answer.served.fashion));
  return { pids: new Set(answers.map(({ pid }) => pid)), images: [...images] };
}

describe('an agent that supervises several scoring processes', () => {
  it('condemns an image that one or all of them fail with, and goes on with the last good one', async () => {
    const world = await AgentWorld.start();
    const good = addImage(world.workspace, 'fashion', { version: 1 });
    await world.startAgent({ ...several, limits });
    world.workspace.desire(1, [good]);
    await world.untilServing(good, { committed: true });
    const before = await served(world);
    expect([before.pids.size, before.images]).toEqual([2, [good.image.digest]]);
    const behaviours = [
      ['second:golden_mismatch', 'golden_mismatch'],
      ['second:crash', 'scoring_crashed'],
      ['crash', 'scoring_crashed'],
    ] as const;
    for (const [index, [behaviour, code]] of behaviours.entries()) {
      const bad = addImage(world.workspace, 'fashion', { version: index + 2 });
      await world.behave({ [bad.image.digest]: behaviour });
      world.workspace.desire(index + 2, [bad]);
      await world.workspace.until(() => {
        const reported = world.reported('fashion');
        const isBack = reported?.active === good.image.digest;
        return isBack && reported.phase === 'failed' && reported.candidate === bad.image.digest;
      }, `${behaviour}: rolled back`);
      expect(world.reported('fashion')).toMatchObject({ lastGood: good.image.digest, error: { code } });
      expect((await served(world)).images).toEqual([good.image.digest]);
    }
  });

  it('kills the one that hangs, has one that dies replaced, and the others go on', async () => {
    const world = await AgentWorld.start();
    const good = addImage(world.workspace, 'fashion', { version: 1 });
    const hanging = addImage(world.workspace, 'hanging', { version: 2 });
    await world.behave({ [hanging.image.digest]: 'second:hang' });
    await world.startAgent({ ...several, limits });
    world.workspace.desire(1, [good]);
    await world.untilServing(good);
    const before = await served(world);
    world.workspace.desire(2, [good, hanging]);
    await world.workspace.until(() => (world.workspace.reported?.scoring.restarts ?? 0) > 0, 'killed');
    expect((await served(world)).images).toEqual([good.image.digest]);
    world.workspace.desire(3, [good]);
    await expect.poll(async () => (await served(world)).pids.size, { timeout: 15_000 }).toBe(2);
    const after = await served(world);
    expect(after.images).toEqual([good.image.digest]);
    expect([...after.pids].filter((pid) => before.pids.has(pid)).length).toBe(1);
    expect(world.workspace.reported?.scoring.state).toBe('listening');
  });
});
