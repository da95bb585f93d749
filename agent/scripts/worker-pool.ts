import { backoffMs } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import { WorkQueue } from '../engines/work-queue.ts';
import type { ScoringLimits } from '../scoring-limits.ts';

/** A worker thread that does one job at a time. */
export interface PoolLane {
  /** Ends the thread; resolves when it is gone. Idempotent. */
  close(): Promise<void>;
}

/** What a pool needs. */
export interface WorkerPoolOptions<Lane extends PoolLane> {
  what: string;
  size: number;
  queueDepthMax: number;
  /**
   * Starts one thread. `onEnded` is called once when a started thread is gone that `close` was not called
   * on, before its running job is failed.
   */
  startLane: (onEnded: (lane: Lane, error: SluiceError) => void) => Promise<Lane>;
  limits: ScoringLimits;
  nowMs: () => number;
  log: Logger;
}

/**
 * Keeps `size` worker threads behind one queue. A thread that dies over a job is replaced at once. While starting
 * a replacement fails it is tried again with back-off, and requests are refused when no thread is left; threads
 * that die with nothing to do are replaced with back-off as well, or a model or script that always does so would
 * keep the processor busy.
 */
export class WorkerPool<Lane extends PoolLane, Work = never> {
  readonly queue: WorkQueue<Lane, Work>;
  readonly #options: WorkerPoolOptions<Lane>;
  readonly #lanes = new Set<Lane>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #starting = new Set<Promise<void>>();
  /** Threads that died idle since the last one that died over a job. */
  #idleDeaths = 0;
  #closed: Promise<void> | undefined;

  constructor(options: WorkerPoolOptions<Lane>) {
    this.#options = options;
    this.queue = new WorkQueue({
      what: options.what,
      depthMax: options.queueDepthMax,
      nowMs: options.nowMs,
    });
  }

  /** Starts all threads. When one cannot start, all are closed and its error is thrown. */
  async start(): Promise<void> {
    const starts = Array.from({ length: this.#options.size }, () => this.#startLane());
    const failed = (await Promise.allSettled(starts)).find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    await this.close();
    throw failed.reason;
  }

  /** Ends all threads and refuses what waits with `engine_failed`. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.queue.close(new SluiceError('engine_failed', `${this.#options.what}: closed`));
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#lanes].map((lane) => lane.close()));
  }

  async #startLane(): Promise<void> {
    const lane = await this.#options.startLane((ended, error) => this.#onEnded(ended, error));
    this.#lanes.add(lane);
    this.queue.addLane(lane);
  }

  #onEnded(lane: Lane, error: SluiceError): void {
    this.#lanes.delete(lane);
    const wasIdle = this.queue.removeLane(lane);
    if (this.#closed !== undefined) return;
    this.#options.log.warn(
      { code: error.code },
      `${this.#options.what}: a worker ended and is replaced: ${error.message}`,
    );
    this.#idleDeaths = wasIdle ? this.#idleDeaths + 1 : 0;
    if (wasIdle) this.#replaceLater(this.#idleDeaths);
    else this.#replace(0);
  }

  #replace(failures: number): void {
    const start = this.#startLane().catch((thrown: unknown) => {
      const error = toSluiceError(thrown, 'engine_failed');
      this.#options.log.error(
        { code: error.code },
        `${this.#options.what}: a worker cannot start: ${error.message}`,
      );
      if (this.queue.laneCount === 0) this.queue.failWaiting(error);
      this.#replaceLater(failures + 1);
    });
    this.#starting.add(start);
    void start.finally(() => this.#starting.delete(start));
  }

  #replaceLater(failures: number): void {
    if (this.#closed !== undefined) return;
    const { workerRestartBaseMs: baseMs, workerRestartCapMs: capMs } = this.#options.limits;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#replace(failures);
    }, backoffMs({ failures, baseMs, capMs }));
    this.#timers.add(timer);
  }
}
