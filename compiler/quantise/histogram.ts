const bins = 8192;

/**
 * Counts of the values of one feature map over any number of samples: bins of equal width over
 * [-range, range), where range is a power of two that doubles when a value lies outside, two neighbours
 * becoming one. The result depends on the order of the values in nothing.
 */
export class Histogram {
  /** Number of values in each bin. */
  counts = new Float64Array(bins);
  /** Half of what the bins cover; 0 before the first value. */
  range = 0;
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;
  total = 0;

  /** Adds values, all finite, of which none is larger in size than `largest`. */
  add(values: Float32Array, largest: number): void {
    this.#grow(largest);
    const { counts, range } = this;
    const perUnit = bins / (2 * range);
    let minimum = this.minimum;
    let maximum = this.maximum;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] as number;
      if (value < minimum) minimum = value;
      if (value > maximum) maximum = value;
      const bin = Math.floor((value + range) * perUnit);
      counts[bin] = (counts[bin] as number) + 1;
    }
    this.minimum = minimum;
    this.maximum = maximum;
    this.total += values.length;
  }

  /** Width of a bin. */
  get width(): number {
    return (2 * this.range) / bins;
  }

  /** The middle of a bin. */
  centre(bin: number): number {
    return (bin + 0.5) * this.width - this.range;
  }

  /** The value below which a part of all values lies, to the precision of a bin. */
  quantile(part: number): number {
    const wanted = part * this.total;
    let below = 0;
    for (let bin = 0; bin < bins; bin += 1) {
      const count = this.counts[bin] as number;
      if (below + count >= wanted && count > 0) {
        const value = (bin + (wanted - below) / count) * this.width - this.range;
        return Math.min(Math.max(value, this.minimum), this.maximum);
      }
      below += count;
    }
    return this.maximum;
  }

  /** Counts of sizes, |value|, in bins of the same width. */
  sizes(): Float64Array {
    const half = bins / 2;
    return Float64Array.from(
      { length: half },
      (_, bin) => (this.counts[half + bin] as number) + (this.counts[half - 1 - bin] as number),
    );
  }

  /** Doubles the range until the bins hold a value of that size, the top edge being open. */
  #grow(largest: number): void {
    if (this.range === 0) this.range = 2 ** Math.ceil(Math.log2(Math.max(largest, 2 ** -40)));
    while (this.range <= largest) {
      const wider = new Float64Array(bins);
      for (let bin = 0; bin < bins; bin += 1) {
        const target = bins / 4 + (bin >> 1);
        wider[target] = (wider[target] as number) + (this.counts[bin] as number);
      }
      this.counts = wider;
      this.range *= 2;
    }
  }
}
