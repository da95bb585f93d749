/** Runs that count as warming up: the fastest of them is the estimate until there are more. */
const settlingRuns = 5;
/** Weight of the newest run afterwards. */
const newestWeight = 0.1;
/** The last run being older than this, the newest says more of how fast runs are now. */
const staleMs = 10_000;
const afterStaleWeight = 0.5;
/** Sizes that are told apart: 1, 2 to 3, 4 to 7 and so on; larger ones are the last. */
const sizesMax = 24;

/** What is known of runs of about one size. */
interface SizeTime {
  runs: number;
  items: number;
  estimateMs: number;
  atMs: number;
}

/** Estimate of how long a run of some items takes, in milliseconds, from the runs so far. */
export class RunTime {
  readonly #itemMs: number | undefined;
  readonly #sizes: (SizeTime | undefined)[] = [];

  /** `itemMs`: what each further item of a run takes, where that is known; else a run's time grows with its items. */
  constructor(itemMs?: number) {
    this.#itemMs = itemMs;
  }

  /** Takes one finished run into account; `atMs` of any monotonic clock. */
  record(durationMs: number, { items = 1, atMs = 0 }: { items?: number; atMs?: number } = {}): void {
    const index = sizeOf(items);
    const known = this.#sizes[index];
    if (known === undefined) {
      this.#sizes[index] = { runs: 1, items, estimateMs: durationMs, atMs };
      return;
    }
    if (known.runs < settlingRuns) {
      if (durationMs < known.estimateMs) Object.assign(known, { estimateMs: durationMs, items });
    } else {
      const weight = atMs - known.atMs > staleMs ? afterStaleWeight : newestWeight;
      known.estimateMs += (durationMs - known.estimateMs) * weight;
      known.items += (items - known.items) * weight;
    }
    known.runs += 1;
    known.atMs = atMs;
  }

  /** The estimate for a run of so many items, from runs of the nearest size; 0 before the first run. */
  estimateMs(items = 1): number {
    const known = this.#nearest(sizeOf(items));
    return known === undefined ? 0 : this.#scaledMs(known, items);
  }

  /**
   * What a run of so many items takes at the least, as far as was measured: like one of its size, or its part of that
   * when those had more items; else like the next smaller. Whoever refuses work goes by this: a guess that is too high would never be corrected.
   */
  leastMs(items = 1): number {
    for (let index = sizeOf(items); index >= 0; index -= 1) {
      const known = this.#sizes[index];
      if (known !== undefined) return Math.min(known.estimateMs, this.#scaledMs(known, items));
    }
    return 0;
  }

  /**
   * What a run of so many items takes at the most, as far as was measured: no longer than the next larger one did, and
   * than the next smaller one as often as it fits. Whoever waits before it starts goes by this.
   */
  mostMs(items = 1): number {
    const index = sizeOf(items);
    const larger = this.#sizes.slice(index).find((known) => known !== undefined);
    const smaller = this.#sizes.slice(0, index + 1).findLast((known) => known !== undefined);
    const bounds = [
      ...(larger === undefined ? [] : [larger.estimateMs]),
      ...(smaller === undefined ? [] : [smaller.estimateMs * Math.max(1, items / smaller.items)]),
    ];
    return bounds.length === 0 ? 0 : Math.min(...bounds);
  }

  #scaledMs({ estimateMs, items: ownItems }: SizeTime, items: number): number {
    if (this.#itemMs === undefined) return (estimateMs * items) / ownItems;
    return Math.max(0, estimateMs + (items - ownItems) * this.#itemMs);
  }

  #nearest(index: number): SizeTime | undefined {
    for (let distance = 0; distance < sizesMax; distance += 1) {
      // Of two as near the smaller, from which scaling up is right for one item after the other.
      const known = this.#sizes[index - distance] ?? this.#sizes[index + distance];
      if (known !== undefined) return known;
    }
    return undefined;
  }
}

function sizeOf(items: number): number {
  return Math.min(sizesMax - 1, Math.max(0, Math.floor(Math.log2(items))));
}
