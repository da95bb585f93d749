import { describe, expect, it } from 'vitest';
import { InlineEngine } from '../../../../agent/engines/inline-engine.ts';
import type { ServedModel } from '../../../../agent/engines/served-model.ts';
import { scoringLimits } from '../../../../agent/scoring-limits.ts';
import { createLogger } from '../../../../base/logger.ts';
import type { Tensor } from '../../../../contract/tensors.ts';

const inlineStallMs = 4;

/** An engine whose runs keep the processor busy for so long each. */
function engineOf(runsMs: number[]): InlineEngine {
  const runNow = (): Tensor[] => {
    const runUs = (runsMs.shift() ?? 0) * 1000;
    const before = process.cpuUsage();
    const usedUs = (): number => {
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    while (usedUs() < runUs);
    return [];
  };
  return new InlineEngine({
    what: 'test',
    model: { runNow } as unknown as ServedModel,
    itemMs: 0.1,
    batching: undefined,
    hasOpenBatch: false,
    queueDepthMax: 16,
    limits: { ...scoringLimits, inlineStallMs },
    nowMs: () => performance.now(),
    log: createLogger({ name: 'test', level: 'silent' }),
    onRun: () => undefined,
  });
}

describe('an engine on the event loop', () => {
  it('takes nothing any more after a second long run', async () => {
    const engine = engineOf([5 * inlineStallMs, 5 * inlineStallMs]);
    await engine.infer([]);
    expect(engine.takes([])).toBe(true);
    await engine.infer([]);
    expect(engine.takes([])).toBe(false);
    expect(engine.expectedMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('goes on after a long run that was followed by short ones', async () => {
    const engine = engineOf([5 * inlineStallMs, 0, 0]);
    for (let run = 0; run < 3; run += 1) await engine.infer([]);
    expect(engine.takes([])).toBe(true);
  });

  it('lets the event loop turn between two runs', async () => {
    const engine = engineOf([]);
    const order: string[] = [];
    const runs = [1, 2].map(async (run) => {
      await engine.infer([]);
      order.push(`run ${run}`);
    });
    setImmediate(() => order.push('turn'));
    await Promise.all(runs);
    expect(order).toEqual(['run 1', 'turn', 'run 2']);
  });
});
