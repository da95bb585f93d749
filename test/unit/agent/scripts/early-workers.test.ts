import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EarlyWorkers } from '../../../../agent/scripts/early-workers.ts';

const waiting = "require('node:worker_threads').parentPort.once('message', () => process.exit(7))";

function start(code: string): Worker {
  const worker = new Worker(code, { eval: true });
  onTestFinished(async () => void (await worker.terminate()));
  return worker;
}

describe('early workers', () => {
  it('are handed out once each, and work', async () => {
    const workers = new EarlyWorkers(2, () => start(waiting));
    const taken = [workers.take(), workers.take()] as [Worker, Worker];
    expect(new Set(taken).size).toBe(2);
    expect(workers.take()).toBeUndefined();
    const exits = taken.map((worker) => once(worker, 'exit'));
    for (const worker of taken) worker.postMessage('end');
    expect(await Promise.all(exits)).toEqual([[7], [7]]);
  });

  it.each(["throw new Error('on purpose')", 'process.exit(3)'])(
    'are not when they are gone: %s',
    async (code) => {
      const started: Worker[] = [];
      const workers = new EarlyWorkers(1, () => {
        const worker = start(code);
        started.push(worker);
        return worker;
      });
      const [worker] = started as [Worker];
      await new Promise((resolve) => worker.on('exit', resolve));
      expect(workers.take()).toBeUndefined();
    },
  );

  it('are fewer where the system has no threads left', async () => {
    const started: Worker[] = [];
    const workers = new EarlyWorkers(3, () => {
      if (started.length > 0) throw new Error('on purpose');
      started.push(start(waiting));
      return started[0] as Worker;
    });
    expect([workers.take(), workers.take()]).toEqual([started[0], undefined]);
  });

  it('end when they are closed, those that were taken excepted', async () => {
    const started: Worker[] = [];
    const workers = new EarlyWorkers(2, () => {
      const worker = start(waiting);
      started.push(worker);
      return worker;
    });
    const taken = workers.take();
    await workers.close();
    await workers.close();
    expect(workers.take()).toBeUndefined();
    expect(started.map(({ threadId }) => threadId > 0)).toEqual(started.map((each) => each === taken));
  });
});
