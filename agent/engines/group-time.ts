import { RunTime } from './run-time.ts';

/** Estimate of how long a run of several jobs takes, from the runs so far of about as many: powers of two. */
export class GroupTime {
  readonly #times: RunTime[] = [];

  /** Takes one finished run into account. */
  record(durationMs: number, jobs: number): void {
    const size = sizeOf(jobs);
    const time = this.#times[size] ?? new RunTime();
    time.record(durationMs);
    this.#times[size] = time;
  }

  /**
   * The estimate; 0 before the first run. Where no run was of this size, the next smaller one's, as often as it
   * fits: an upper bound that the first run of the size replaces; and where none was smaller, a larger one's.
   */
  estimateMs(jobs: number): number {
    const size = sizeOf(jobs);
    for (let smaller = size; smaller >= 0; smaller -= 1) {
      const time = this.#times[smaller];
      if (time !== undefined) return time.estimateMs * 2 ** (size - smaller);
    }
    return this.#times.find((time) => time !== undefined)?.estimateMs ?? 0;
  }
}

/** 1 is of size 0, 2 of 1, 3 and 4 of 2, and so on. */
function sizeOf(jobs: number): number {
  return Math.ceil(Math.log2(jobs));
}
