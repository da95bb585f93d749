import type { Route } from './engine.ts';

/** One execution of a model, for one request or a batch of several. */
export interface Execution {
  route: Route;
  requests: number;
  items: number;
  computeMs: number;
  /** Cycles of the NPU, where the device counts them. */
  npuCycles?: number;
}

/** What engines and routers tell those who measure them. Every method returns at once and never throws. */
export interface EngineObserver {
  executed(execution: Execution): void;
  breakerChanged(change: { route: Route; isOpen: boolean; reason: string }): void;
  shadowed(result: { bytes: number; differingBytes: number }): void;
}

/** Tells two observers. */
export function bothOf(first: EngineObserver, second: EngineObserver): EngineObserver {
  return {
    executed: (execution) => {
      first.executed(execution);
      second.executed(execution);
    },
    breakerChanged: (change) => {
      first.breakerChanged(change);
      second.breakerChanged(change);
    },
    shadowed: (result) => {
      first.shadowed(result);
      second.shadowed(result);
    },
  };
}
