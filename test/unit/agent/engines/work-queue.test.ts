import { describe, expect, it } from 'vitest';
import { WorkQueue } from '../../../../agent/engines/work-queue.ts';
import { SluiceError } from '../../../../contract/errors.ts';

/** A job that ends when told. */
class Gate {
  readonly started: string[] = [];
  #open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  open(): void {
    this.#open();
  }

  task(name: string): (lane: string) => Promise<string> {
    return async (lane) => {
      this.started.push(name);
      await this.opened;
      return `${name} on ${lane}`;
    };
  }
}

function queueOf(options: { depthMax?: number; lanes?: string[]; now?: { ms: number } } = {}) {
  const now = options.now ?? { ms: 0 };
  const queue = new WorkQueue<string>({ what: 'test', depthMax: options.depthMax ?? 2, nowMs: () => now.ms });
  for (const lane of options.lanes ?? ['a']) queue.addLane(lane);
  return queue;
}

describe('WorkQueue', () => {
  it('runs as many jobs as there are lanes, the rest in order', async () => {
    const gate = new Gate();
    const queue = queueOf({ lanes: ['a', 'b'] });
    const jobs = ['1', '2', '3', '4'].map((name) => queue.submit(gate.task(name)));
    expect(gate.started).toEqual(['1', '2']);
    gate.open();
    expect((await Promise.all(jobs)).map((text) => text.slice(0, 1))).toEqual(['1', '2', '3', '4']);
    expect(gate.started).toEqual(['1', '2', '3', '4']);
  });

  it('refuses what exceeds its depth and says when to come again', async () => {
    const now = { ms: 0 };
    const queue = queueOf({ depthMax: 2, now });
    await queue.submit(async () => {
      now.ms += 2_500;
    });
    const gate = new Gate();
    const jobs = ['1', '2', '3'].map((name) => queue.submit(gate.task(name)));
    // One run of 2.5 s is under way and two wait: a fourth would be done 10 s from now.
    await expect(queue.submit(gate.task('4'))).rejects.toMatchObject({
      code: 'queue_full',
      retryAfterMs: 10_000,
    });
    expect(() => queue.checkRoom()).toThrow(expect.objectContaining({ code: 'queue_full' }));
    gate.open();
    await Promise.all(jobs);
    expect(() => queue.checkRoom()).not.toThrow();
    await expect(queue.submit(gate.task('5'))).resolves.toBe('5 on a');
  });

  it('drops waiting work when its client leaves, and makes room', async () => {
    const gate = new Gate();
    const queue = queueOf({ depthMax: 1 });
    const running = queue.submit(gate.task('1'));
    const leaving = new AbortController();
    const waiting = queue.submit(gate.task('2'), { signal: leaving.signal });
    leaving.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    const next = queue.submit(gate.task('3'));
    gate.open();
    await expect(next).resolves.toBe('3 on a');
    await running;
    expect(gate.started).toEqual(['1', '3']);
  });

  it('answers a leaving client at once while its job runs on, one job a lane', async () => {
    const gate = new Gate();
    const queue = queueOf();
    const leaving = new AbortController();
    const running = queue.submit(gate.task('1'), { signal: leaving.signal });
    leaving.abort();
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    const next = queue.submit(gate.task('2'));
    expect(gate.started).toEqual(['1']);
    gate.open();
    await expect(next).resolves.toBe('2 on a');
  });

  it('does not start work for a client that has left already', async () => {
    const gate = new Gate();
    const queue = queueOf();
    await expect(queue.submit(gate.task('1'), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(gate.started).toEqual([]);
  });

  it('hands nothing to a removed lane, and waits for a new one', async () => {
    const gate = new Gate();
    const queue = queueOf({ lanes: ['a'] });
    queue.removeLane('a');
    const job = queue.submit(gate.task('1'));
    expect(gate.started).toEqual([]);
    gate.open();
    queue.addLane('b');
    await expect(job).resolves.toBe('1 on b');
  });

  it('does not take back a lane that was removed while it was busy', async () => {
    const gate = new Gate();
    const queue = queueOf({ lanes: ['a'] });
    const first = queue.submit(gate.task('1'));
    queue.removeLane('a');
    const second = queue.submit(gate.task('2'));
    gate.open();
    await first;
    expect(gate.started).toEqual(['1']);
    queue.addLane('b');
    await expect(second).resolves.toBe('2 on b');
  });

  it('goes on after a job that fails', async () => {
    const queue = queueOf();
    const fault = new SluiceError('engine_failed', 'on purpose');
    await expect(queue.submit(() => Promise.reject(fault))).rejects.toBe(fault);
    await expect(queue.submit(async () => 'fine')).resolves.toBe('fine');
  });

  it('refuses what waits and what comes once it is closed', async () => {
    const gate = new Gate();
    const queue = queueOf();
    const running = queue.submit(gate.task('1'));
    const waiting = queue.submit(gate.task('2'));
    queue.close(new SluiceError('engine_failed', 'closed'));
    await expect(waiting).rejects.toMatchObject({ code: 'engine_failed' });
    await expect(queue.submit(gate.task('3'))).rejects.toMatchObject({ code: 'engine_failed' });
    gate.open();
    await expect(running).resolves.toBe('1 on a');
  });

  it('expects the fastest of the first runs, times what is ahead', async () => {
    const now = { ms: 0 };
    const queue = queueOf({ now });
    const take = (durationMs: number) =>
      queue.submit(async () => {
        now.ms += durationMs;
      });
    expect(queue.expectedMs()).toBe(0);
    await take(100);
    await take(10);
    expect(queue.expectedMs()).toBe(10);
    const gate = new Gate();
    const jobs = [queue.submit(gate.task('1')), queue.submit(gate.task('2'))];
    expect(queue.expectedMs()).toBe(30);
    gate.open();
    await Promise.all(jobs);
  });

  it('expects more of a job of more items, and of those ahead what their mean size takes', async () => {
    const now = { ms: 0 };
    const queue = queueOf({ now });
    await queue.submit(async () => {
      now.ms += 10;
    });
    expect(queue.expectedMs(5, 4)).toBe(40);
    const gate = new Gate();
    const jobs = [queue.submit(gate.task('1'), { items: 3 }), queue.submit(gate.task('2'), { items: 5 })];
    expect(queue.expectedMs()).toBe(10 + 2 * 40);
    const leaving = new AbortController();
    const left = queue.submit(gate.task('3'), { items: 100, signal: leaving.signal });
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    expect(queue.expectedMs()).toBe(10 + 2 * 40);
    gate.open();
    await Promise.all(jobs);
    expect(queue.expectedMs()).toBe(10);
  });

  it('refuses no work for a time that nobody has measured', async () => {
    const now = { ms: 0 };
    const queue = queueOf({ now });
    const take = (durationMs: number, items: number) =>
      queue.submit(
        async () => {
          now.ms += durationMs;
        },
        { items, deadlineMs: now.ms + 50 },
      );
    await take(10, 1);
    await take(60, 1_000);
    await expect(take(60, 1_000)).rejects.toMatchObject({ code: 'deadline_unmet' });
    await expect(take(10, 1)).resolves.toBeUndefined();
  });
});
