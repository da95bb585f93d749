/** How requests are merged. */
export interface BatchLimits {
  /** Items of a merged run; a request of more goes alone. */
  itemsMax: number;
  /** Bytes of a merged run's inputs, which are copied together on the event loop. */
  bytesMax: number;
  /** How long a request that could run waits for others; 0 merges only what waits for a lane anyway. */
  delayMs: number;
  /** Sizes that a run is cut down to when enough waits, and that end a delay; ascending. */
  preferredItems: readonly number[];
}

/** How many items to run now, of so many that could: all that fit, or the largest preferred size among them. */
export function itemsToRun(available: number, { itemsMax, preferredItems }: BatchLimits): number {
  const fitting = Math.min(available, itemsMax);
  return preferredItems.findLast((items) => items <= fitting) ?? fitting;
}

/** With so many items nobody needs to wait any longer. */
export function itemsWorthRunning({ itemsMax, preferredItems }: BatchLimits): number {
  return Math.min(itemsMax, preferredItems[0] ?? itemsMax);
}
