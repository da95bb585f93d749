/** Upper bounds of durations, in seconds: 50 microseconds to 10 s. */
export const durationBoundsSeconds: readonly number[] = [
  ...[0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** Upper bounds of how many items, or requests, an execution had. */
export const batchSizeBounds: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/**
 * Counts of one histogram series. prom-client's own histogram hashes its labels at every observation; see
 * docs/decisions/0023-observability.md for the numbers.
 */
export class BucketCounts {
  readonly bounds: readonly number[];
  /** Of values up to each bound and above the one before; the last is of those above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** Counts a value in the unit of the bounds. */
  observe(value: number): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index += 1;
    counts[index] = (counts[index] as number) + 1;
    this.sum += value;
    this.count += 1;
  }
}
