import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CancelSignal } from '../../../../agent/engines/cancellation.ts';
import { CircuitBreaker } from '../../../../agent/engines/circuit-breaker.ts';
import { scoringLimits } from '../../../../agent/scoring-limits.ts';
import { type ErrorCode, SluiceError } from '../../../../contract/errors.ts';
import { silentLogger } from '../../../support/workspace-fixture.ts';

/** With the least jitter, probes come after 1, 2, 4 and 8 seconds. */
const limits = { ...scoringLimits, breakerProbeBaseMs: 2_000, breakerProbeCapMs: 16_000 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A breaker whose device is well or not, as the test says. */
function breakerOf({ random = 0 } = {}) {
  const device = { isWell: false, probes: 0 };
  const changes: [boolean, string][] = [];
  const breaker = new CircuitBreaker({
    what: 'test on fpga',
    route: 'fpga',
    probe: async () => {
      device.probes += 1;
      if (!device.isWell) throw new SluiceError('verification_failed', 'other bytes');
    },
    limits,
    nowMs: () => performance.now(),
    random: () => random,
    log: silentLogger,
    observer: {
      executed: () => undefined,
      shadowed: () => undefined,
      breakerChanged: ({ isOpen, reason }) => changes.push([isOpen, reason]),
    },
  });
  return { breaker, device, changes };
}

function fail(breaker: CircuitBreaker, code: ErrorCode): Promise<unknown> {
  return breaker.attempt(() => Promise.reject(new SluiceError(code, 'on purpose'))).catch((error) => error);
}

describe('CircuitBreaker', () => {
  it.each(['device_timeout', 'device_closed', 'device_unavailable'] as const)(
    'opens at once for a device that is gone: %s',
    async (code) => {
      const { breaker, changes } = breakerOf();
      expect(await fail(breaker, code)).toMatchObject({ code });
      expect(breaker.status).toMatchObject({ state: 'open', reason: code });
      expect(changes).toEqual([[true, code]]);
      const work = vi.fn(async () => 'answer');
      await expect(breaker.attempt(work)).rejects.toMatchObject({
        code: 'breaker_open',
        retryAfterMs: 1_000,
      });
      expect(work).not.toHaveBeenCalled();
    },
  );

  it('opens for several faults among the last runs, not for one now and then', async () => {
    const { breaker } = breakerOf();
    for (let round = 0; round < 5; round += 1) {
      await fail(breaker, 'device_fault');
      for (let run = 1; run < limits.breakerRunsMax; run += 1) breaker.answered();
    }
    expect(breaker.isClosed).toBe(true);
    await fail(breaker, 'device_fault');
    breaker.answered();
    await fail(breaker, 'device_fault');
    breaker.answered();
    expect(breaker.status).toMatchObject({ state: 'closed', failures: 2 });
    await fail(breaker, 'device_fault');
    expect(breaker.status).toMatchObject({ state: 'open', reason: 'device_fault' });
  });

  it('counts a run once, however many requests it answered', async () => {
    const { breaker } = breakerOf();
    for (let round = 0; round < limits.breakerFailuresMax; round += 1) {
      expect(breaker.isClosed).toBe(true);
      await Promise.all(Array.from({ length: 16 }, () => breaker.attempt(async () => 'answer')));
      breaker.answered();
      const fault = new SluiceError('device_fault', 'on purpose');
      const failing = () => breaker.attempt(() => Promise.reject(fault)).catch(() => undefined);
      await Promise.all(Array.from({ length: 16 }, failing));
    }
    expect(breaker.status).toMatchObject({ state: 'open', reason: 'device_fault' });
  });

  it.each([
    'queue_full',
    'deadline_unmet',
    'deadline_passed',
    'cancelled',
    'tensor_shape',
    'tensor_data',
    'limit_exceeded',
    'engine_failed',
  ] as const)('stays closed for what is not the device’s: %s', async (code) => {
    const { breaker } = breakerOf();
    for (let run = 0; run < 20; run += 1) expect(await fail(breaker, code)).toMatchObject({ code });
    expect(breaker.status).toMatchObject({ state: 'closed', failures: 0 });
  });

  it('counts what the CPU answers and the route does not, each error once', async () => {
    const { breaker } = breakerOf();
    const error = new SluiceError('engine_failed', 'on purpose');
    for (let told = 0; told < 5; told += 1) breaker.outdone(error);
    expect(breaker.status.failures).toBe(1);
    breaker.outdone(new SluiceError('internal', 'on purpose'));
    breaker.outdone(new SluiceError('engine_failed', 'on purpose'));
    expect(breaker.status).toMatchObject({ state: 'open', reason: 'engine_failed' });
  });

  it('gives up what is under way when it opens, and tells a client that left from that', async () => {
    const { breaker } = breakerOf();
    const untilAborted = (signal: CancelSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new SluiceError('cancelled', 'aborted')));
      });
    const leaving = new AbortController();
    const left = breaker.attempt(untilAborted, leaving.signal);
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    const waiting = breaker.attempt(untilAborted, new AbortController().signal);
    await fail(breaker, 'device_timeout');
    await expect(waiting).rejects.toMatchObject({ code: 'breaker_open' });
  });

  it('probes with back-off until the device is well, then lets requests through', async () => {
    const { breaker, device, changes } = breakerOf();
    await fail(breaker, 'device_timeout');
    for (const delayMs of [1_000, 2_000, 4_000, 8_000, 8_000]) {
      const { probes } = device;
      expect(breaker.status.nextProbeMs).toBeCloseTo(delayMs, 0);
      await vi.advanceTimersByTimeAsync(delayMs - 1);
      expect(device.probes).toBe(probes);
      await vi.advanceTimersByTimeAsync(1);
      expect(device.probes).toBe(probes + 1);
      expect(breaker.status).toMatchObject({
        state: 'open',
        reason: 'verification_failed',
        setbacks: probes + 1,
      });
    }
    device.isWell = true;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(breaker.status).toMatchObject({ state: 'closed', reason: undefined, failures: 0 });
    await expect(breaker.attempt(async () => 'answer')).resolves.toBe('answer');
    expect(changes).toEqual([
      [true, 'device_timeout'],
      [false, 'verification_failed'],
    ]);
  });

  it('probes a device that fails soon after it was well ever later, one that was well for long at once', async () => {
    const { breaker, device } = breakerOf();
    device.isWell = true;
    for (const delayMs of [1_000, 2_000, 4_000]) {
      await fail(breaker, 'device_timeout');
      expect(breaker.status.nextProbeMs).toBeCloseTo(delayMs, 0);
      await vi.advanceTimersByTimeAsync(delayMs + 1);
      expect(breaker.isClosed).toBe(true);
    }
    await vi.advanceTimersByTimeAsync(limits.breakerSettleMs + 1);
    await fail(breaker, 'device_timeout');
    expect(breaker.status.nextProbeMs).toBeCloseTo(1_000, 0);
  });

  it('spreads probes over half of their delay', async () => {
    const { breaker } = breakerOf({ random: 0.75 });
    await fail(breaker, 'device_timeout');
    expect(breaker.status.nextProbeMs).toBe(1_750);
  });

  it('probes no more once it is stopped, nor opens', async () => {
    const { breaker, device } = breakerOf();
    await fail(breaker, 'device_timeout');
    breaker.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(device.probes).toBe(0);
    expect(breaker.isClosed).toBe(false);
  });
});
