import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CircuitBreaker } from '../../../../agent/engines/circuit-breaker.ts';
import type { Engine, Route } from '../../../../agent/engines/engine.ts';
import { parseRouteRequest, Router } from '../../../../agent/engines/router.ts';
import type { RunTerms } from '../../../../agent/engines/run-terms.ts';
import { SecondRuns } from '../../../../agent/engines/second-runs.ts';
import { scoringLimits } from '../../../../agent/scoring-limits.ts';
import { type ErrorCode, SluiceError } from '../../../../contract/errors.ts';
import type { RoutePolicy } from '../../../../contract/image.ts';
import type { Tensor } from '../../../../contract/tensors.ts';
import { silentLogger } from '../../../support/workspace-fixture.ts';

/** An engine of known speed that gives its inputs back, or fails. */
class EchoEngine implements Engine {
  readonly route: Route;
  expected: number;
  failure: ErrorCode | undefined;
  isClosed = false;
  /** Of the runs so far. */
  readonly terms: (RunTerms | undefined)[] = [];

  constructor(route: Route, expected: number) {
    this.route = route;
    this.expected = expected;
  }

  async infer(inputs: Tensor[], terms?: RunTerms): Promise<Tensor[]> {
    this.terms.push(terms);
    if (this.failure !== undefined) throw new SluiceError(this.failure, 'on purpose');
    return inputs;
  }

  expectedMs(): number {
    return this.expected;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function routerOf(policy: RoutePolicy) {
  const cpu = new EchoEngine('cpu', 2);
  const npu = new EchoEngine('fpga-sim', 1);
  return { cpu, npu, router: new Router({ what: 'test', policy, cpu, npu }) };
}

describe('Router', () => {
  it('auto takes the engine that is expected to finish first', async () => {
    const { cpu, npu, router } = routerOf('auto');
    expect(router.plan(undefined).engine).toBe(npu);
    npu.expected = 3;
    expect(router.plan(undefined).engine).toBe(cpu);
    expect(router.plan('fpga').engine).toBe(npu);
  });

  it.each(['device_fault', 'device_timeout', 'device_closed', 'queue_full'] as const)(
    'lets the CPU stand in after %s by policy or auto, not by request',
    async (code) => {
      for (const policy of ['auto', 'fpga'] as const) {
        const { npu, router } = routerOf(policy);
        npu.failure = code;
        expect(await router.run(router.plan(undefined), [])).toMatchObject({ route: 'cpu', reason: code });
        await expect(router.run(router.plan('fpga'), [])).rejects.toMatchObject({ code });
      }
    },
  );

  it('does not compute again for a client that has left', async () => {
    const { npu, router } = routerOf('auto');
    npu.failure = 'cancelled';
    await expect(router.run(router.plan(undefined), [])).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('has nobody to stand in for the CPU', async () => {
    const { cpu, router } = routerOf('cpu');
    cpu.failure = 'engine_failed';
    await expect(router.run(router.plan(undefined), [])).rejects.toMatchObject({ code: 'engine_failed' });
  });

  it('does not pass a simulation off as hardware, nor hardware as a simulation', () => {
    const cpu = new EchoEngine('cpu', 2);
    const hardware = new Router({ what: 'test', policy: 'auto', cpu, npu: new EchoEngine('fpga', 1) });
    expect(hardware.plan('fpga').engine.route).toBe('fpga');
    expect(() => hardware.plan('fpga-sim')).toThrowError(
      expect.objectContaining({ code: 'route_unavailable' }),
    );
  });

  it('closes every engine', async () => {
    const { cpu, npu, router } = routerOf('auto');
    await router.close();
    expect([cpu.isClosed, npu.isClosed]).toEqual([true, true]);
  });

  it('reads the routes of requests and no others', () => {
    for (const route of [undefined, 'auto', 'cpu', 'fpga', 'fpga-sim'] as const) {
      expect(parseRouteRequest(route)).toBe(route);
    }
    for (const route of ['', 'CPU', 'gpu', 'cpu, fpga']) {
      expect(() => parseRouteRequest(route)).toThrowError(
        expect.objectContaining({ code: 'invalid_request' }),
      );
    }
  });

  it('asks the engines for the time of as many items as the request has', () => {
    const perItem = (route: Route, fixedMs: number, itemMs: number): Engine =>
      Object.assign(new EchoEngine(route, 0), {
        expectedMs: (_priority?: number, items = 1) => fixedMs + items * itemMs,
      });
    const [cpu, npu] = [perItem('cpu', 0, 2), perItem('fpga', 10, 1)];
    const router = new Router({ what: 'test', policy: 'auto', cpu, npu });
    expect(router.plan(undefined, { items: 3 }).engine).toBe(cpu);
    expect(router.plan(undefined, { items: 30 }).engine).toBe(npu);
  });
});

/** A router with everything that a real one has; its device is probed in an hour. */
function guardedRouter(policy: RoutePolicy, options: { share?: number } = {}) {
  const cpu = new EchoEngine('cpu', 2);
  const npu = new EchoEngine('fpga-sim', 1);
  const now = { ms: 0 };
  const common = {
    what: 'test',
    limits: { ...scoringLimits, breakerProbeBaseMs: 3_600_000, breakerProbeCapMs: 3_600_000 },
    nowMs: () => now.ms,
    random: () => 0,
    log: silentLogger,
  };
  const breaker = new CircuitBreaker({ ...common, route: npu.route, probe: async () => undefined });
  const secondRuns = new SecondRuns({ ...common, share: options.share ?? 0 });
  const router = new Router({ what: 'test', policy, cpu, npu, breaker, secondRuns, nowMs: common.nowMs });
  onTestFinished(() => router.close());
  return { cpu, npu, now, router };
}

describe('Router of a device that failed', () => {
  it.each(['auto', 'fpga'] as const)('lets the CPU answer at once by the policy %s', async (policy) => {
    const { npu, router } = guardedRouter(policy);
    npu.failure = 'device_timeout';
    expect(await router.run(router.plan(undefined), [])).toMatchObject({ reason: 'device_timeout' });
    expect(router.breaker).toMatchObject({ state: 'open', reason: 'device_timeout' });
    const runs = npu.terms.length;
    const answer = await router.run(router.plan(undefined), []);
    expect(answer).toMatchObject({ route: 'cpu', reason: 'breaker_open' });
    expect(npu.terms.length).toBe(runs);
  });

  it('names no reason where auto takes the CPU anyway, or the request does', async () => {
    const { npu, router } = guardedRouter('auto');
    npu.failure = 'device_timeout';
    await router.run(router.plan(undefined), []);
    npu.expected = 3;
    for (const requested of [undefined, 'cpu'] as const) {
      expect(await router.run(router.plan(requested), [])).toMatchObject({ reason: undefined });
    }
  });

  it('refuses who insists on it, with the time until the next probe', async () => {
    const { npu, router } = guardedRouter('auto');
    npu.failure = 'device_closed';
    await expect(router.run(router.plan('fpga'), [])).rejects.toMatchObject({ code: 'device_closed' });
    await expect(router.run(router.plan('fpga'), [])).rejects.toMatchObject({
      code: 'breaker_open',
      retryAfterMs: 1_800_000,
    });
  });

  it('counts an engine’s failure when the CPU answers, not when that fails too', async () => {
    const { cpu, npu, router } = guardedRouter('fpga');
    npu.failure = 'engine_failed';
    cpu.failure = 'engine_failed';
    for (let run = 0; run < 5; run += 1) {
      await expect(router.run(router.plan(undefined), [])).rejects.toMatchObject({ code: 'engine_failed' });
    }
    expect(router.breaker).toMatchObject({ state: 'closed', failures: 0 });
    cpu.failure = undefined;
    for (let run = 0; run < 3; run += 1) await router.run(router.plan(undefined), []);
    expect(router.breaker).toMatchObject({ state: 'open', reason: 'engine_failed' });
  });

  it('gives the NPU as much time as leaves the CPU its own', async () => {
    const { cpu, npu, router } = guardedRouter('fpga');
    npu.failure = 'deadline_passed';
    const answer = await router.run(router.plan(undefined), [], { deadlineMs: 10 });
    expect(answer).toMatchObject({ route: 'cpu', reason: 'deadline_passed' });
    expect([npu.terms[0]?.deadlineMs, cpu.terms[0]?.deadlineMs]).toEqual([8, 10]);
    // There is no time for both.
    await expect(router.run(router.plan(undefined), [], { deadlineMs: 2.5 })).rejects.toMatchObject({
      code: 'deadline_passed',
    });
    expect(npu.terms[1]?.deadlineMs).toBe(2.5);
  });
});

describe('Router of an image with shadows', () => {
  it('computes on the other route once the answer has left, for who can say when that is', async () => {
    const { cpu, npu, router } = guardedRouter('fpga', { share: 1 });
    await router.run(router.plan(undefined), []);
    expect(router.secondRuns).toMatchObject({ runs: 0, skipped: 0 });
    const works: (() => void)[] = [];
    await router.run(router.plan(undefined), [], { afterAnswer: (work) => works.push(work) });
    expect([npu.terms.length, cpu.terms.length, works.length]).toEqual([2, 0, 1]);
    works[0]?.();
    await vi.waitFor(() => expect(router.secondRuns).toMatchObject({ runs: 1, differingBytes: 0 }), 20_000);
    expect(cpu.terms).toEqual([{ priority: 10 }]);
  });

  it('has nothing to compare where a run fails or the CPU stood in', async () => {
    const { cpu, npu, router } = guardedRouter('fpga', { share: 1 });
    const terms = { afterAnswer: () => expect.unreachable() };
    npu.failure = 'device_fault';
    await router.run(router.plan(undefined), [], terms);
    cpu.failure = 'engine_failed';
    await expect(router.run(router.plan('cpu'), [], terms)).rejects.toMatchObject({ code: 'engine_failed' });
    expect(router.secondRuns).toMatchObject({ runs: 0, skipped: 2 });
  });

  it('measures a route that auto has left for long', async () => {
    const { cpu, npu, now, router } = guardedRouter('auto');
    const works: (() => void)[] = [];
    const terms = { afterAnswer: (work: () => void) => works.push(work) };
    await router.run(router.plan(undefined), [], terms);
    now.ms += scoringLimits.remeasureMs + 1;
    await router.run(router.plan('fpga'), [], terms);
    expect(works).toEqual([]);
    await router.run(router.plan(undefined), [], terms);
    works[0]?.();
    await vi.waitFor(() => expect(cpu.terms.length).toBe(1), 20_000);
    expect(npu.terms.length).toBe(3);
  });
});
