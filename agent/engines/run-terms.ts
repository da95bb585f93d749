import type { CancelSignal } from './cancellation.ts';

/** How long a request waited and was computed, over all engines that had a part in it. */
export interface RunPhases {
  queueMs: number;
  computeMs: number;
}

/** What a caller asks of a run, besides its result. */
export interface RunTerms {
  /** An abort drops work that has not started, and the result of what has. */
  signal?: CancelSignal | undefined;
  /** Instant of the engine's clock after which nobody waits for the result. */
  deadlineMs?: number | undefined;
  /** 1 goes first; 5 when it is left out. */
  priority?: number | undefined;
  /** Items of the request, by which its time is estimated; 1 when it is left out. */
  items?: number | undefined;
  /** Counted up while the run goes on. */
  phases?: RunPhases | undefined;
  /**
   * Takes work for when the answer has left, which must then be done. Without it nothing is computed a second time.
   */
  afterAnswer?: ((work: () => void) => void) | undefined;
}

/** Priority of a request that gives none: the middle of those that there are. */
export const defaultPriority = 5;
/** Priority of what nobody waits for. */
export const lowestPriority = 10;
