import { describe, expect, it } from 'vitest';
import type { Engine, Route } from '../../../../agent/engines/engine.ts';
import { parseRouteRequest, Router } from '../../../../agent/engines/router.ts';
import { type ErrorCode, SluiceError } from '../../../../contract/errors.ts';
import type { RoutePolicy } from '../../../../contract/image.ts';
import type { Tensor } from '../../../../contract/tensors.ts';

/** An engine of known speed that gives its inputs back, or fails. */
class EchoEngine implements Engine {
  readonly route: Route;
  expected: number;
  failure: ErrorCode | undefined;
  isClosed = false;

  constructor(route: Route, expected: number) {
    this.route = route;
    this.expected = expected;
  }

  async infer(inputs: Tensor[]): Promise<Tensor[]> {
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
});
