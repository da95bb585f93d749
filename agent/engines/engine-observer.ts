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
