import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { scoringLimits } from '../../../../agent/scoring-limits.ts';
import { type PoolLane, WorkerPool } from '../../../../agent/scripts/worker-pool.ts';
import { createLogger } from '../../../../base/logger.ts';
import { SluiceError } from '../../../../contract/errors.ts';

type OnEnded = (lane: PoolLane, error: SluiceError) => void;

/** A pool of one lane that tells how its lanes end, and how many were started. */
async function startPool() {
  const lanes: { lane: PoolLane; end: () => void }[] = [];
  const startLane = async (onEnded: OnEnded): Promise<PoolLane> => {
    const lane: PoolLane = { close: async () => undefined };
    lanes.push({ lane, end: () => onEnded(lane, new SluiceError('script_failed', 'gone')) });
    return lane;
  };
  const pool = new WorkerPool<PoolLane>({
    what: 'pool',
    size: 1,
    queueDepthMax: 4,
    startLane,
    limits: { ...scoringLimits, workerRestartBaseMs: 40, workerRestartCapMs: 1_000 },
    nowMs: () => performance.now(),
    log: createLogger({ name: 'test', level: 'silent' }),
  });
  await pool.start();
  return { pool, lanes };
}

it('replaces a lane that dies over a job at once', async () => {
  const { pool, lanes } = await startPool();
  for (let count = 1; count <= 3; count += 1) {
    await pool.queue.submit(async () => lanes.at(-1)?.end());
    await sleep(5);
    expect(lanes).toHaveLength(count + 1);
  }
  await pool.close();
});

it('replaces lanes that die idle with back-off', async () => {
  const { pool, lanes } = await startPool();
  for (const delayMs of [40, 80, 160]) {
    const before = lanes.length;
    lanes.at(-1)?.end();
    await sleep(delayMs / 2);
    expect(lanes).toHaveLength(before);
    await sleep(delayMs);
    expect(lanes).toHaveLength(before + 1);
  }
  await pool.close();
});
