import { SluiceError } from '../../contract/errors.ts';
import type { QueueLoad } from './engine.ts';
import { defaultPriority, type RunTerms } from './run-terms.ts';
import { RunTime } from './run-time.ts';

interface Job<Lane> {
  priority: number;
  items: number;
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
  /** What each further item of a job takes, where that is known. */
  itemMs?: number;
}

/** Longest time that Node's timers take; a deadline beyond it needs none. */
const timerMsMax = 2 ** 31 - 1;

/**
 * Hands jobs to lanes (a worker thread, a device), one job a lane at a time: the most urgent first, and of these
 * the first come. Bounded, measured and cancellable.
 */
export class WorkQueue<Lane> {
  readonly #options: WorkQueueOptions;
  readonly #lanes = new Set<Lane>();
  readonly #idle: Lane[] = [];
  readonly #waiting: Job<Lane>[] = [];
  readonly #runTime: RunTime;
  #running = 0;
  /** Of the jobs that wait or run. */
  #items = 0;
  #closed: SluiceError | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#runTime = new RunTime(options.itemMs);
  }

  /** Lanes that are there, idle or busy. */
  get laneCount(): number {
    return this.#lanes.size;
  }

  /** Jobs that wait. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** What waits and runs now. */
  get load(): QueueLoad {
    return { depth: this.depth, running: this.#running, lanes: this.laneCount };
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

  /** Milliseconds until a job of that priority and so many items that arrives now would be done. */
  expectedMs(priority = defaultPriority, items = 1): number {
    return this.#sumMs(priority, items, (some) => this.#runTime.estimateMs(some));
  }

  /** Throws what `submit` would, before a caller prepares a job that has no place. */
  checkRoom(terms: RunTerms = {}): void {
    if (this.#closed !== undefined) throw this.#closed;
    if (terms.signal?.aborted) throw this.#cancelled();
    if (this.#idle.length === 0 && this.#waiting.length >= this.#options.depthMax) throw this.#full();
    this.#checkDeadline(terms);
  }

  /**
   * Runs a job on the next free lane. Throws `queue_full` with the measured time to wait, `deadline_unmet` when
   * it would not be done by its deadline and `deadline_passed` when it is not, `cancelled` when the signal
   * aborts (a job that already runs goes on, its result is dropped), or the error of `close`.
   */
  submit<Result>(task: (lane: Lane) => Promise<Result>, terms: RunTerms = {}): Promise<Result> {
    try {
      this.checkRoom(terms);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    const { signal, priority = defaultPriority, items = 1, phases } = terms;
    const { nowMs } = this.#options;
    const lane = this.#idle.pop();
    return new Promise((resolve, reject) => {
      const submittedMs = nowMs();
      const drop = (error: SluiceError): void => {
        const index = this.#waiting.indexOf(job);
        if (index >= 0) {
          this.#waiting.splice(index, 1);
          this.#items -= items;
        }
        letGo();
        reject(error);
      };
      const onAbort = (): void => drop(this.#cancelled());
      const timer = this.#startTimer(terms, drop);
      const letGo = (): void => {
        signal?.removeEventListener('abort', onAbort);
        clearTimeout(timer);
      };
      const job: Job<Lane> = {
        priority,
        items,
        run: async (chosen) => {
          const startedMs = nowMs();
          if (phases !== undefined) phases.queueMs += startedMs - submittedMs;
          const result = await task(chosen);
          if (phases !== undefined) phases.computeMs += nowMs() - startedMs;
          return () => {
            letGo();
            resolve(result);
          };
        },
        reject: (error) => {
          letGo();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#items += items;
      if (lane === undefined) this.#wait(job);
      else void this.#start(lane, job);
    });
  }

  /** Refuses what waits; what runs goes on. */
  failWaiting(error: SluiceError): void {
    for (const job of this.#waiting.splice(0)) {
      this.#items -= job.items;
      job.reject(error);
    }
  }

  /** Refuses what waits and whatever comes later. */
  close(error: SluiceError): void {
    this.#closed ??= error;
    this.failWaiting(this.#closed);
  }

  #wait(job: Job<Lane>): void {
    this.#waiting.splice(this.#behind(job.priority), 0, job);
  }

  /** Where a job of that priority gets in line. */
  #behind(priority: number): number {
    let place = this.#waiting.length;
    while (place > 0 && (this.#waiting[place - 1] as Job<Lane>).priority > priority) place -= 1;
    return place;
  }

  #startTimer({ deadlineMs }: RunTerms, drop: (error: SluiceError) => void): NodeJS.Timeout | undefined {
    const leftMs = deadlineMs === undefined ? Number.POSITIVE_INFINITY : deadlineMs - this.#options.nowMs();
    if (leftMs > timerMsMax) return undefined;
    return setTimeout(() => drop(this.#late()), leftMs);
  }

  /** Of the job and of what is ahead of it on its lane, each as long as a job of their mean size. */
  #sumMs(priority: number, items: number, timeOf: (items: number) => number): number {
    const behind = this.#behind(priority);
    const ahead = Math.floor((behind + this.#running) / Math.max(1, this.#lanes.size));
    if (ahead === 0) return timeOf(items);
    return timeOf(items) + ahead * timeOf(this.#items / (this.#waiting.length + this.#running));
  }

  async #start(lane: Lane, job: Job<Lane>): Promise<void> {
    this.#running += 1;
    const startedMs = this.#options.nowMs();
    let settle: () => void;
    try {
      settle = await job.run(lane);
      const endedMs = this.#options.nowMs();
      this.#runTime.record(endedMs - startedMs, { items: job.items, atMs: endedMs });
    } catch (thrown) {
      settle = () => job.reject(thrown);
    }
    this.#running -= 1;
    this.#items -= job.items;
    if (this.#lanes.has(lane)) this.#offer(lane);
    settle();
  }

  #offer(lane: Lane): void {
    const job = this.#waiting.shift();
    if (job === undefined) this.#idle.push(lane);
    else void this.#start(lane, job);
  }

  /** A job that an idle queue could do in time may be told when to come again; another is just refused. */
  #checkDeadline({ deadlineMs, priority = defaultPriority, items = 1 }: RunTerms): void {
    if (deadlineMs === undefined) return;
    const leftMs = deadlineMs - this.#options.nowMs();
    if (leftMs < 0) throw this.#late();
    const neededMs = this.#sumMs(priority, items, (some) => this.#runTime.leastMs(some));
    if (neededMs <= leftMs) return;
    const text = `${this.#options.what}: it would take ${neededMs.toFixed(1)} ms, the request's deadline leaves ${leftMs.toFixed(1)} ms`;
    const canBeMet = this.#runTime.leastMs(items) <= leftMs;
    throw new SluiceError('deadline_unmet', text, canBeMet ? { retryAfterMs: neededMs - leftMs } : {});
  }

  #full(): SluiceError {
    const { what, depthMax } = this.#options;
    const retryAfterMs = this.expectedMs();
    return new SluiceError('queue_full', `${what}: ${depthMax} requests wait already; try again later`, {
      retryAfterMs,
    });
  }

  #late(): SluiceError {
    const text = `${this.#options.what}: the answer was not ready by the request's deadline`;
    return new SluiceError('deadline_passed', text);
  }

  #cancelled(): SluiceError {
    return new SluiceError('cancelled', `${this.#options.what}: the client left before the answer was ready`);
  }
}
