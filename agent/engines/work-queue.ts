import { SluiceError } from '../../contract/errors.ts';
import { RunTime } from './run-time.ts';

interface Job<Lane> {
  /** Resolves with what hands the result to the caller, once the lane is free again. */
  run(lane: Lane): Promise<() => void>;
  reject(error: unknown): void;
}

/** What a queue needs to know. */
export interface WorkQueueOptions {
  /** Whose work this is, for messages. */
  what: string;
  /** Jobs that may wait; the next one gets `queue_full`. */
  depthMax: number;
  /** Monotonic clock. */
  nowMs: () => number;
}

/**
 * Hands jobs to lanes (a worker thread, a device), one job a lane at a time, first come first served.
 * Bounded, measured and cancellable.
 */
export class WorkQueue<Lane> {
  readonly #options: WorkQueueOptions;
  readonly #lanes = new Set<Lane>();
  readonly #idle: Lane[] = [];
  readonly #waiting: Job<Lane>[] = [];
  readonly #runTime = new RunTime();
  #running = 0;
  #closed: SluiceError | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Lanes that are there, idle or busy. */
  get laneCount(): number {
    return this.#lanes.size;
  }

  /** A new lane, ready for work. */
  addLane(lane: Lane): void {
    this.#lanes.add(lane);
    this.#offer(lane);
  }

  /** A lane that takes no more work; whether it was idle. What runs on it settles by itself. */
  removeLane(lane: Lane): boolean {
    this.#lanes.delete(lane);
    const index = this.#idle.indexOf(lane);
    if (index < 0) return false;
    this.#idle.splice(index, 1);
    return true;
  }

  /** Milliseconds until a job that arrives now would be done. */
  expectedMs(): number {
    const ahead = Math.floor((this.#waiting.length + this.#running) / Math.max(1, this.#lanes.size));
    return this.#runTime.estimateMs * (1 + ahead);
  }

  /** Throws what `submit` would, before a caller prepares a job that has no place. */
  checkRoom(signal?: AbortSignal): void {
    if (this.#closed !== undefined) throw this.#closed;
    if (signal?.aborted) throw this.#cancelled();
    if (this.#idle.length === 0 && this.#waiting.length >= this.#options.depthMax) throw this.#full();
  }

  /**
   * Runs a job on the next free lane. Throws `queue_full` with the measured time to wait, `cancelled` when
   * the signal aborts (a job that already runs goes on, its result is dropped), or the error of `close`.
   */
  submit<Result>(task: (lane: Lane) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    try {
      this.checkRoom(signal);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    const lane = this.#idle.pop();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        const index = this.#waiting.indexOf(job);
        if (index >= 0) this.#waiting.splice(index, 1);
        reject(this.#cancelled());
      };
      const job: Job<Lane> = {
        run: async (chosen) => {
          const result = await task(chosen);
          return () => {
            signal?.removeEventListener('abort', onAbort);
            resolve(result);
          };
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      if (lane === undefined) this.#waiting.push(job);
      else void this.#start(lane, job);
    });
  }

  /** Refuses what waits; what runs goes on. */
  failWaiting(error: SluiceError): void {
    for (const job of this.#waiting.splice(0)) job.reject(error);
  }

  /** Refuses what waits and whatever comes later. */
  close(error: SluiceError): void {
    this.#closed ??= error;
    this.failWaiting(this.#closed);
  }

  async #start(lane: Lane, job: Job<Lane>): Promise<void> {
    this.#running += 1;
    const startedMs = this.#options.nowMs();
    let settle: () => void;
    try {
      settle = await job.run(lane);
      this.#runTime.record(this.#options.nowMs() - startedMs);
    } catch (thrown) {
      settle = () => job.reject(thrown);
    }
    this.#running -= 1;
    if (this.#lanes.has(lane)) this.#offer(lane);
    settle();
  }

  #offer(lane: Lane): void {
    const job = this.#waiting.shift();
    if (job === undefined) this.#idle.push(lane);
    else void this.#start(lane, job);
  }

  #full(): SluiceError {
    const { what, depthMax } = this.#options;
    const retryAfterSeconds = Math.max(1, Math.ceil(this.expectedMs() / 1000));
    return new SluiceError(
      'queue_full',
      `${what}: ${depthMax} requests wait already; try again after ${retryAfterSeconds} s`,
      { retryAfterSeconds },
    );
  }

  #cancelled(): SluiceError {
    return new SluiceError('cancelled', `${this.#options.what}: the client left before the answer was ready`);
  }
}
