import { describe, expect, it } from 'vitest';
import { BuildQueue } from '../../../../workspace/registry/build-queue.ts';

describe('a build queue', () => {
  it('runs one thing at a time, in order, and goes on after a failure', async () => {
    const queue = new BuildQueue({ depthMax: 10 });
    const events: string[] = [];
    const work = (name: string) => async () => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      events.push(`${name} ends`);
      if (name === 'b') throw new Error(name);
      return name;
    };
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => queue.run(work(name))));
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('has an end, and room again when something is done', async () => {
    const queue = new BuildQueue({ depthMax: 1 });
    let release: () => void = () => undefined;
    const running = queue.run(() => new Promise<void>((resolve) => (release = resolve)));
    const waiting = queue.run(async () => 'waited');
    await expect(queue.run(async () => 'refused')).rejects.toMatchObject({ code: 'queue_full' });
    release();
    await running;
    expect(await waiting).toBe('waited');
    expect(await queue.run(async () => 'later')).toBe('later');
  });
});
