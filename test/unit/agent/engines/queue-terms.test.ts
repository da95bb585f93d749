import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WorkQueue } from '../../../../agent/engines/work-queue.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** One lane whose runs take so long each, on the fake clock. */
async function measuredQueue(runMs: number) {
  const queue = new WorkQueue<string>({ what: 'test', depthMax: 8, nowMs: () => performance.now() });
  queue.addLane('a');
  const started: string[] = [];
  const task = (name: string) => async (): Promise<string> => {
    started.push(name);
    await new Promise((resolve) => setTimeout(resolve, runMs));
    return name;
  };
  const first = queue.submit(task('warm-up'));
  await vi.advanceTimersByTimeAsync(runMs);
  await first;
  started.length = 0;
  return { queue, started, task };
}

describe('terms of a run', () => {
  it('let the urgent go first, and equals in order', async () => {
    const { queue, started, task } = await measuredQueue(10);
    const jobs = [
      queue.submit(task('running')),
      queue.submit(task('default')),
      queue.submit(task('late'), { priority: 9 }),
      queue.submit(task('first'), { priority: 1 }),
      queue.submit(task('second'), { priority: 1 }),
      queue.submit(task('default too'), { priority: 5 }),
    ];
    expect(queue.expectedMs(1)).toBe(40);
    expect(queue.expectedMs()).toBe(60);
    expect(queue.expectedMs(10)).toBe(70);
    await vi.advanceTimersByTimeAsync(60);
    await Promise.all(jobs);
    expect(started).toEqual(['running', 'first', 'second', 'default', 'default too', 'late']);
  });

  it('refuse on arrival what cannot be done in time, saying when it could', async () => {
    const { queue, task } = await measuredQueue(10);
    const running = queue.submit(task('running'));
    const deadlineMs = performance.now() + 15;
    await expect(queue.submit(task('late'), { deadlineMs })).rejects.toMatchObject({
      code: 'deadline_unmet',
      retryAfterMs: 5,
    });
    await vi.advanceTimersByTimeAsync(10);
    await running;
    const tooShort = queue.submit(task('never'), { deadlineMs: performance.now() + 9 });
    await expect(tooShort).rejects.toMatchObject({ code: 'deadline_unmet', retryAfterMs: undefined });
    const past = queue.submit(task('past'), { deadlineMs: performance.now() - 1 });
    await expect(past).rejects.toMatchObject({ code: 'deadline_passed' });
    const inTime = queue.submit(task('in time'), { deadlineMs: performance.now() + 11 });
    await vi.advanceTimersByTimeAsync(10);
    await expect(inTime).resolves.toBe('in time');
  });

  it('answer at the deadline what took longer than measured, and drop what still waits', async () => {
    const { queue, started, task } = await measuredQueue(10);
    const slow = async (): Promise<string> => {
      started.push('slow');
      await new Promise((resolve) => setTimeout(resolve, 100));
      return 'slow';
    };
    const running = queue.submit(slow, { deadlineMs: performance.now() + 30 });
    const waiting = queue.submit(task('waiting'), { deadlineMs: performance.now() + 40 });
    const outcomes = Promise.allSettled([running, waiting]);
    await vi.advanceTimersByTimeAsync(50);
    expect(await outcomes).toMatchObject([
      { reason: { code: 'deadline_passed' } },
      { reason: { code: 'deadline_passed' } },
    ]);
    expect(queue.depth).toBe(0);
    const next = queue.submit(task('next'));
    await vi.advanceTimersByTimeAsync(100);
    await expect(next).resolves.toBe('next');
    expect(started).toEqual(['slow', 'next']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('count how long a job waited and ran', async () => {
    const { queue, task } = await measuredQueue(10);
    const phases = { queueMs: 0, computeMs: 0 };
    const jobs = [queue.submit(task('before')), queue.submit(task('own'), { phases })];
    await vi.advanceTimersByTimeAsync(20);
    await Promise.all(jobs);
    expect(phases).toEqual({ queueMs: 10, computeMs: 10 });
  });
});
