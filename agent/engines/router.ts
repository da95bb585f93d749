import { type ErrorCode, SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { RoutePolicy } from '../../contract/image.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { Engine, Route } from './engine.ts';
import type { RunTerms } from './run-terms.ts';

/** What a request may ask for: `fpga` is the NPU of either kind, `fpga-sim` the simulated one only. */
export type RouteRequest = RoutePolicy | 'fpga-sim';

/** Which engine will answer, and whether the CPU may stand in for it. */
export interface RoutePlan {
  engine: Engine;
  mayFallBack: boolean;
  /** Why the CPU already stands in for the NPU. */
  reason: ErrorCode | undefined;
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

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** All engines, the CPU's first. */
  get engines(): Engine[] {
    const { cpu, npu } = this.#options;
    return npu === undefined ? [cpu] : [cpu, npu];
  }

  /**
   * Which engine answers a request: the one that it asks for, else as the image's policy says. `auto` takes
   * the engine that is expected to finish first. Throws `route_unavailable`.
   */
  plan(requested: RouteRequest | undefined, priority?: number): RoutePlan {
    const { cpu, npu, policy } = this.#options;
    const choice = requested ?? policy;
    if (choice === 'cpu') return { engine: cpu, mayFallBack: false, reason: undefined };
    if (choice === 'auto') {
      const engine = npu !== undefined && npu.expectedMs(priority) < cpu.expectedMs(priority) ? npu : cpu;
      return { engine, mayFallBack: true, reason: undefined };
    }
    if (npu !== undefined && (choice === 'fpga' || choice === npu.route)) {
      return { engine: npu, mayFallBack: requested === undefined, reason: undefined };
    }
    if (requested === undefined) return { engine: cpu, mayFallBack: false, reason: 'device_unavailable' };
    const available = this.engines.map(({ route }) => route).join(', ');
    throw new SluiceError(
      'route_unavailable',
      `${this.#options.what}: no route ${choice} here; available: ${available}`,
    );
  }

  /** Computes a planned request. Takes over the inputs' memory. */
  async run(plan: RoutePlan, inputs: Tensor[], terms?: RunTerms): Promise<RoutedOutputs> {
    const { engine, reason } = plan;
    try {
      return { outputs: await engine.infer(inputs, terms), route: engine.route, reason };
    } catch (thrown) {
      const { code } = toSluiceError(thrown);
      const { cpu } = this.#options;
      if (!plan.mayFallBack || engine === cpu || finalCodes.has(code)) throw thrown;
      // An NPU engine only reads its inputs, so they are still whole.
      return { outputs: await cpu.infer(inputs, terms), route: cpu.route, reason: code };
    }
  }

  /** Closes every engine. */
  async close(): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine.close()));
  }
}
