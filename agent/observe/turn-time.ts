import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';

/**
 * What a scrape takes of one turn of the event loop, at most, in milliseconds, a metric more or less. What two images
 * have to tell takes three: a turn of a busy server takes ten times as long, and each is a wait for the scrape.
 */
const turnMs = 8;

/** The time that long work has had of the turn of the event loop which it is in. */
export class TurnTime {
  readonly #nowMs: () => number;
  #begunMs: number;

  constructor(nowMs = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#begunMs = nowMs();
  }

  /** Lets the event loop turn once the time of this turn is used up. */
  async next(): Promise<void> {
    if (this.#nowMs() - this.#begunMs < turnMs) return;
    await setImmediate();
    this.#begunMs = this.#nowMs();
  }
}
