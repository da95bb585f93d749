import type { Tensor } from '../../contract/tensors.ts';
import type { RunTerms } from './run-terms.ts';

/** Where a request is computed; the value of the answer's `x-sluice-route`. */
export type Route = 'cpu' | 'fpga-sim' | 'fpga';

/** What a queue holds at this moment. */
export interface QueueLoad {
  /** Requests that wait. */
  depth: number;
  /** Requests that are computed. */
  running: number;
  /** Threads or devices that take work. */
  lanes: number;
}

/** One way to compute a model. Every engine of an image gives the same bytes for the same inputs. */
export interface Engine {
  readonly route: Route;
  /**
   * What the timed simulation says of one item on the simulated hardware, as the answer's header
   * `x-sluice-npu-estimate` has it. Never the request's latency.
   */
  readonly estimate?: string;
  /** What waits and runs now; undefined for an engine that keeps no queue. */
  readonly load?: QueueLoad;
  /**
   * Computes all outputs of the model's signature, in its order, from inputs that fit the signature.
   * Only reads the inputs' memory, in other threads too, which must stay as it is until the run is over: `isInUse`
   * tells, also when nobody waits for it any more. An abort rejects with `cancelled`, drops work that has not started
   * and tells what runs to end. Throws `queue_full`, `deadline_unmet`, `deadline_passed`,
   * `engine_failed` or a device's code.
   */
  infer(inputs: Tensor[], terms?: RunTerms): Promise<Tensor[]>;
  /**
   * Milliseconds until a request of that priority and so many items (1 without) that arrives now would be answered,
   * from measured runs and the queue.
   */
  expectedMs(priority?: number, items?: number): number;
  /** Frees everything; waiting requests get `engine_failed`. Idempotent. */
  close(): Promise<void>;
}
