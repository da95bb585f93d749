import { SluiceError } from '../../contract/errors.ts';

/** Runs heavy work one after the other; the line has an end. */
export class BuildQueue {
  readonly #depthMax: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: { depthMax: number }) {
    this.#depthMax = options.depthMax;
  }

  /** Runs `work` when what came before is done. Throws `queue_full` when the line is too long. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting > this.#depthMax) {
      throw new SluiceError(
        'queue_full',
        `workspace: ${this.#waiting - 1} builds wait already, at most ${this.#depthMax} may; try again later`,
        { retryAfterMs: 5_000 },
      );
    }
    this.#waiting += 1;
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#waiting -= 1;
    }
  }
}
