import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { SecondRuns } from '../../../../agent/engines/second-runs.ts';
import { type ScoringLimits, scoringLimits } from '../../../../agent/scoring-limits.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import type { Tensor } from '../../../../contract/tensors.ts';
import { silentLogger } from '../../../support/workspace-fixture.ts';

function tensor(...bytes: number[]): Tensor {
  return { name: 'y', datatype: 'UINT8', shape: [bytes.length], data: Uint8Array.from(bytes) };
}

function secondRuns(
  options: { share?: number; random?: () => number; limits?: Partial<ScoringLimits> } = {},
) {
  const now = { ms: 0 };
  const shadowed: { bytes: number; differingBytes: number }[] = [];
  const runs = new SecondRuns({
    what: 'test',
    share: options.share ?? 1,
    limits: { ...scoringLimits, ...options.limits },
    nowMs: () => now.ms,
    random: options.random ?? (() => 0),
    log: silentLogger,
    observer: {
      executed: () => undefined,
      breakerChanged: () => undefined,
      shadowed: (result) => shadowed.push(result),
    },
  });
  const idle = { is: true };
  const onDifference = vi.fn();
  /** Prepares one, has it answered with `first`, and runs it when the answer has left. */
  const whole = async (first: Tensor[], infer: (inputs: Tensor[]) => Promise<Tensor[]>) => {
    const second = runs.prepare('cpu', [tensor(1)], undefined);
    if (second === undefined) throw new Error('not taken');
    const work = runs.afterwards(second, first, { isIdle: () => idle.is, infer, onDifference });
    // What happens to the answer's own memory is of no account.
    for (const { data } of first) data.fill(255);
    work();
    await setImmediate();
    await setImmediate();
  };
  return { runs, now, idle, shadowed, onDifference, whole };
}

describe('SecondRuns', () => {
  it('takes the share of requests that it is given', () => {
    const rolls = [0.009, 0.01, 0.5, 0.0];
    const { runs } = secondRuns({
      share: 0.01,
      random: () => rolls.shift() ?? 1,
      limits: { shadowsMax: 10 },
    });
    const taken = [1, 2, 3, 4].map(() => runs.prepare('cpu', [tensor(1)], undefined) !== undefined);
    expect(taken).toEqual([true, false, false, true]);
    expect(secondRuns({ share: 0 }).runs.prepare('cpu', [tensor(1)], undefined)).toBeUndefined();
  });

  it('keeps copies of the inputs, which the first run takes over', async () => {
    const { runs } = secondRuns();
    const input = tensor(1, 2, 3);
    const second = runs.prepare('cpu', [input], undefined);
    input.data.fill(0);
    expect(second?.inputs).toEqual([tensor(1, 2, 3)]);
  });

  it('compares the bytes', async () => {
    const { runs, shadowed, onDifference, whole } = secondRuns();
    await whole([tensor(1, 2, 3)], async () => [tensor(1, 2, 3)]);
    expect(onDifference).not.toHaveBeenCalled();
    await whole([tensor(1, 2, 3)], async () => [tensor(1, 9, 9)]);
    await whole([tensor(1, 2, 3)], async () => [tensor(1)]);
    await whole([tensor(1, 2, 3)], async () => []);
    expect(shadowed.map(({ bytes, differingBytes }) => [bytes, differingBytes])).toEqual([
      [3, 0],
      [3, 2],
      [3, 2],
      [3, 3],
    ]);
    expect(runs.counts).toEqual({ runs: 4, skipped: 0, failed: 0, bytes: 12, differingBytes: 7 });
    expect(onDifference).toHaveBeenCalledTimes(3);
    expect(onDifference).toHaveBeenCalledWith(expect.objectContaining({ code: 'verification_failed' }));
  });

  it('counts a route that fails, and one that is busy', async () => {
    const { runs, idle, shadowed, whole } = secondRuns();
    await whole([tensor(1)], () => Promise.reject(new SluiceError('device_fault', 'on purpose')));
    idle.is = false;
    const infer = vi.fn();
    await whole([tensor(1)], infer);
    expect(infer).not.toHaveBeenCalled();
    expect(runs.counts).toMatchObject({ runs: 0, failed: 1, skipped: 1 });
    expect(shadowed).toEqual([]);
  });

  it('holds few of them, of bounded size, and as many again when these are over', async () => {
    const { runs, whole } = secondRuns({ limits: { shadowsMax: 2, shadowBytesMax: 4 } });
    expect(runs.prepare('cpu', [tensor(1, 2, 3), tensor(4, 5)], undefined)).toBeUndefined();
    const taken = [1, 2, 3].map(() => runs.prepare('cpu', [tensor(1)], undefined) !== undefined);
    expect(taken).toEqual([true, true, false]);
    expect(runs.counts.skipped).toBe(2);
    runs.drop();
    runs.drop();
    await whole([tensor(1)], async () => [tensor(1)]);
    await whole([tensor(1, 2, 3, 4, 5)], async () => [tensor(1, 2, 3, 4, 5)]);
    expect(runs.counts).toMatchObject({ runs: 1, skipped: 5 });
    expect(runs.prepare('cpu', [tensor(1)], undefined)).toBeDefined();
  });

  it('measures a route again that auto has not taken for long, one time in a while', () => {
    const { runs, now } = secondRuns({ share: 0, limits: { remeasureMs: 30_000, shadowsMax: 10 } });
    const prepare = (expectedMs: number) => runs.prepare('cpu', [tensor(1)], expectedMs);
    expect(prepare(5)).toBeUndefined();
    now.ms = 29_000;
    expect(prepare(5)).toBeUndefined();
    now.ms = 31_000;
    expect(prepare(5)).toMatchObject({ route: 'cpu', isMeasurement: true });
    expect(prepare(5)).toBeUndefined();
    // At most one part in a hundred of its time.
    now.ms = 31_000 + 50_000;
    expect(prepare(1_000)).toBeUndefined();
    now.ms = 31_000 + 101_000;
    expect(prepare(1_000)).toBeDefined();
    runs.ran('cpu');
    now.ms += 29_000;
    expect(prepare(5)).toBeUndefined();
  });
});
