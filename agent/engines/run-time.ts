/** Runs that count as warming up: the fastest of them is the estimate until there are more. */
const settlingRuns = 5;
/** Weight of the newest run afterwards. */
const newestWeight = 0.1;

/** Estimate of how long one run takes, in milliseconds, from the runs so far. */
export class RunTime {
  #runs = 0;
  #estimateMs = 0;

  /** Takes one finished run into account. */
  record(durationMs: number): void {
    if (this.#runs === 0) this.#estimateMs = durationMs;
    else if (this.#runs < settlingRuns) this.#estimateMs = Math.min(this.#estimateMs, durationMs);
    else this.#estimateMs += (durationMs - this.#estimateMs) * newestWeight;
    this.#runs += 1;
  }

  /** The estimate; 0 before the first run. */
  get estimateMs(): number {
    return this.#estimateMs;
  }
}
