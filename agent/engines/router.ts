import { type ErrorCode, SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { RoutePolicy } from '../../contract/image.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { BreakerStatus, CircuitBreaker } from './circuit-breaker.ts';
import type { Engine, Route } from './engine.ts';
import { lowestPriority, type RunTerms } from './run-terms.ts';
import type { SecondRun, SecondRunCounts, SecondRuns } from './second-runs.ts';

/** What a request may ask for: `fpga` is the NPU of either kind, `fpga-sim` the simulated one only. */
export type RouteRequest = RoutePolicy | 'fpga-sim';

/** Which engine will answer, and whether the CPU may stand in for it. */
export interface RoutePlan {
  engine: Engine;
  mayFallBack: boolean;
  /** Why the CPU already stands in for the NPU. */
  reason: ErrorCode | undefined;
  /** Whether the engine was chosen by its time. */
  isByTime?: boolean;
}

/** Outputs and the route that made them. */
export interface RoutedOutputs {
  outputs: Tensor[];
  route: Route;
  /** Why the CPU stood in for the NPU. */
  reason: ErrorCode | undefined;
}

/** Engines of one image. */
export interface RouterOptions {
  /** Whose routes these are, for messages. */
  what: string;
  policy: RoutePolicy;
  cpu: Engine;
  /** Absent when the image has no program, or the device no NPU. */
  npu: Engine | undefined;
  /** Of the NPU route; the router stops it. */
  breaker?: CircuitBreaker | undefined;
  /** Where there are two routes that give the same bytes. */
  secondRuns?: SecondRuns | undefined;
  /** Monotonic clock of the engines, for deadlines. */
  nowMs?: (() => number) | undefined;
}

/** Failures that are the request's own or the client's; another engine would not answer either. */
const finalCodes: ReadonlySet<ErrorCode> = new Set([
  'cancelled',
  'deadline_passed',
  'tensor_shape',
  'tensor_data',
]);

/** Reads the request header `x-sluice-route`. Throws `invalid_request`. */
export function parseRouteRequest(text: string | undefined): RouteRequest | undefined {
  switch (text) {
    case undefined:
    case 'auto':
    case 'cpu':
    case 'fpga':
    case 'fpga-sim':
      return text;
    default:
      throw new SluiceError(
        'invalid_request',
        `header x-sluice-route: ${JSON.stringify(text.slice(0, 40))}; auto, cpu, fpga or fpga-sim expected`,
      );
  }
}

/** Chooses the engine of each request, and lets the CPU stand in for a failing NPU. */
export class Router {
  readonly #options: RouterOptions;
  /** Requests that an engine computes or has waiting. */
  readonly #inside = new Map<Engine, number>();

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** All engines, the CPU's first. */
  get engines(): Engine[] {
    const { cpu, npu } = this.#options;
    return npu === undefined ? [cpu] : [cpu, npu];
  }

  /** How the NPU route's breaker stands; undefined without that route. */
  get breaker(): BreakerStatus | undefined {
    return this.#options.breaker?.status;
  }

  /** What came of requests that ran on both routes; undefined where there is only one. */
  get secondRuns(): Readonly<SecondRunCounts> | undefined {
    return this.#options.secondRuns?.counts;
  }

  /**
   * Which engine answers a request: the one that it asks for, else as the image's policy says. `auto` takes
   * the engine that is expected to finish first. Throws `route_unavailable`.
   */
  plan(requested: RouteRequest | undefined, terms: Pick<RunTerms, 'priority' | 'items'> = {}): RoutePlan {
    const { cpu, npu, policy } = this.#options;
    const choice = requested ?? policy;
    if (choice === 'cpu') return { engine: cpu, mayFallBack: false, reason: undefined };
    if (choice === 'auto') {
      if (npu === undefined || !this.#isNpuFirst(npu, terms)) {
        return { engine: cpu, mayFallBack: false, reason: undefined, isByTime: true };
      }
      return this.#planNpu(npu, { mayFallBack: true, isByTime: true });
    }
    if (npu !== undefined && (choice === 'fpga' || choice === npu.route)) {
      return this.#planNpu(npu, { mayFallBack: requested === undefined, isByTime: false });
    }
    if (requested === undefined) return { engine: cpu, mayFallBack: false, reason: 'device_unavailable' };
    const available = this.engines.map(({ route }) => route).join(', ');
    throw new SluiceError(
      'route_unavailable',
      `${this.#options.what}: no route ${choice} here; available: ${available}`,
    );
  }

  /**
   * Computes a planned request, of inputs as `Engine.infer` takes them. Throws `breaker_open` when the request insists on an
   * NPU that is not used now, else what the engines throw.
   */
  async run(plan: RoutePlan, inputs: Tensor[], terms: RunTerms = {}): Promise<RoutedOutputs> {
    const second = this.#prepareSecond(plan, inputs, terms);
    let routed: RoutedOutputs | undefined;
    try {
      routed = await this.#run(plan, inputs, terms);
      return routed;
    } finally {
      if (second !== undefined) this.#finishSecond(second, routed, terms);
    }
  }

  /** Ends probing and closes every engine. */
  async close(): Promise<void> {
    this.#options.breaker?.stop();
    await Promise.all(this.engines.map((engine) => engine.close()));
  }

  #isNpuFirst(npu: Engine, { priority, items }: Pick<RunTerms, 'priority' | 'items'>): boolean {
    return npu.expectedMs(priority, items) < this.#options.cpu.expectedMs(priority, items);
  }

  /** The CPU at once while the NPU is not used, unless the request insists: `run` then refuses it. */
  #planNpu(npu: Engine, { mayFallBack, isByTime }: { mayFallBack: boolean; isByTime: boolean }): RoutePlan {
    const { cpu, breaker } = this.#options;
    if (mayFallBack && breaker?.isClosed === false) {
      return { engine: cpu, mayFallBack: false, reason: 'breaker_open' };
    }
    return { engine: npu, mayFallBack, reason: undefined, isByTime };
  }

  async #run(plan: RoutePlan, inputs: Tensor[], terms: RunTerms): Promise<RoutedOutputs> {
    const { engine, reason } = plan;
    const { cpu, breaker } = this.#options;
    const ownTerms = plan.mayFallBack ? this.#leaveTimeForCpu(terms) : terms;
    try {
      return { outputs: await this.#infer(engine, inputs, ownTerms), route: engine.route, reason };
    } catch (thrown) {
      const error = toSluiceError(thrown);
      const isOverall =
        finalCodes.has(error.code) && !(ownTerms !== terms && error.code === 'deadline_passed');
      if (!plan.mayFallBack || engine === cpu || isOverall) throw thrown;
      // An NPU engine only reads its inputs, so they are still whole.
      const outputs = await this.#infer(cpu, inputs, terms);
      breaker?.outdone(error);
      return { outputs, route: cpu.route, reason: error.code };
    }
  }

  async #infer(engine: Engine, inputs: Tensor[], terms: RunTerms): Promise<Tensor[]> {
    const { cpu, breaker, secondRuns } = this.#options;
    this.#count(engine, 1);
    try {
      const outputs =
        engine === cpu || breaker === undefined
          ? await engine.infer(inputs, terms)
          : await breaker.attempt((signal) => engine.infer(inputs, { ...terms, signal }), terms.signal);
      secondRuns?.ran(engine.route);
      return outputs;
    } finally {
      this.#count(engine, -1);
    }
  }

  /** An earlier deadline for the NPU, so that the CPU can still answer in time; the same where there is no such time. */
  #leaveTimeForCpu(terms: RunTerms): RunTerms {
    const { cpu, npu, nowMs } = this.#options;
    const { deadlineMs, priority, items } = terms;
    if (deadlineMs === undefined || nowMs === undefined || npu === undefined) return terms;
    const earlierMs = deadlineMs - cpu.expectedMs(priority, items);
    return earlierMs - nowMs() > npu.expectedMs(priority, items)
      ? { ...terms, deadlineMs: earlierMs }
      : terms;
  }

  #prepareSecond(plan: RoutePlan, inputs: readonly Tensor[], terms: RunTerms): SecondRun | undefined {
    const { cpu, npu, breaker, secondRuns } = this.#options;
    if (terms.afterAnswer === undefined || npu === undefined || breaker?.isClosed === false) return undefined;
    const other = plan.engine === cpu ? npu : cpu;
    const expectedMs = plan.isByTime ? other.expectedMs(lowestPriority, terms.items) : undefined;
    return secondRuns?.prepare(other.route, inputs, expectedMs);
  }

  /** Where the first run failed, or the CPU stood in, there is nothing to compare. */
  #finishSecond(second: SecondRun, routed: RoutedOutputs | undefined, terms: RunTerms): void {
    const { breaker, secondRuns } = this.#options;
    const other = this.engines.find(({ route }) => route === second.route) as Engine;
    if (routed === undefined || routed.route === second.route) {
      secondRuns?.drop();
      return;
    }
    const work = secondRuns?.afterwards(second, routed.outputs, {
      isIdle: () =>
        (second.isMeasurement ? [other] : this.engines).every((engine) => !this.#inside.get(engine)),
      infer: (inputs) =>
        this.#infer(other, inputs, {
          priority: lowestPriority,
          ...(terms.items === undefined ? {} : { items: terms.items }),
        }),
      onDifference: (error) => breaker?.failed(error),
    });
    if (work !== undefined) terms.afterAnswer?.(work);
  }

  #count(engine: Engine, difference: 1 | -1): void {
    this.#inside.set(engine, (this.#inside.get(engine) ?? 0) + difference);
  }
}
