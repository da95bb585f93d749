import { performance } from 'node:perf_hooks';

/** Time as the control process sees it. Decisions use the monotonic clock: a device may boot in 1970. */
export interface Clock {
  /** Wall time, for what people read. */
  now(): Date;
  /** Milliseconds that only grow. */
  monotonicMs(): number;
}

/** The clocks of this machine. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
