import { SluiceError } from '../../contract/errors.ts';
import type { QueueLoad } from './engine.ts';
import { defaultPriority, type RunTerms } from './run-terms.ts';
import { RunTime } from './run-time.ts';

interface Job<Lane, Work> {
  priority: number;
  items: number;
  work: Work | undefined;
  isTrial: boolean;
  /** Resolves with what hands the result to the caller, once the lane is free again. */
  run(lane: Lane, turn: Turn<Work>): Promise<() => void>;
  /** Takes the result of another job's run, which began at that instant. */
  follow(result: Promise<unknown>, turn: Turn<Work>): void;
  reject(error: unknown): void;
}

/** A waiting job that another one's run takes along. */
export interface Follower<Work> {
  work: Work;
  /** What it gets; of the type that its own task would give. */
  follow(result: Promise<unknown>): void;
}

/** A job's time on a lane. */
export interface Turn<Work> {
  /** When the work began; from here on it is computing and no longer waiting. */
  readonly beganMs: number;
  /** The work begins now: the job had the lane, but waited for others to take along. */
  begin(): void;
  /** Takes waiting jobs along, in their order: those whose work the caller wants. */
  claim(wants: (work: Work) => boolean): Follower<Work>[];
}

/** How a job stands to others. */
export interface JobOptions<Work> {
  /** What another job may see and take along. */
  work?: Work;
  /** Waits although a lane is free, because a job that has one is about to claim it. */
  isExpected?: boolean;
  /** Was let in before: neither the depth nor the estimate refuses it. */
  isAdmitted?: boolean;
  /** Has no part in estimates. */
  isTrial?: boolean;
}

/** What a queue needs to know. */
export interface WorkQueueOptions {
  /** Whose work this is, for messages. */
  what: string;
  /** Jobs that may wait; the next one gets `queue_full`. */
  depthMax: number;
  /** Monotonic clock. */
  nowMs: () => number;
  /** What each further item of a run takes, where that is known. */
  itemMs?: number;
}

/** Longest time that Node's timers take; a deadline beyond it needs none. */
const timerMsMax = 2 ** 31 - 1;

/**
 * Hands jobs to lanes (a thread, a device), one job a lane at a time: the most urgent first, and of these
 * the first come. Bounded, measured and cancellable.
 */
export class WorkQueue<Lane, Work = never> {
  /** Items that the jobs of one run may have together, for estimates; 1 where every job runs alone. */
  groupMax = 1;
  readonly #options: WorkQueueOptions;
  readonly #lanes = new Set<Lane>();
  readonly #idle: Lane[] = [];
  readonly #waiting: Job<Lane, Work>[] = [];
  readonly #runTime: RunTime;
  /** Runs under way, the jobs in them, and the items of these. */
  #running = 0;
  #runningJobs = 0;
  #runningItems = 0;
  #closed: SluiceError | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#runTime = new RunTime(options.itemMs);
  }

  /** Lanes that are there, idle or busy. */
  get laneCount(): number {
    return this.#lanes.size;
  }

  /** Lanes that have nothing to do. */
  get idleCount(): number {
    return this.#idle.length;
  }

  /** Jobs that wait. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** What waits and runs now. */
  get load(): QueueLoad {
    return { depth: this.depth, running: this.#runningJobs, lanes: this.laneCount };
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

  /** What waits, in its order. */
  waitingWork(): Work[] {
    return this.#waiting.map(({ work }) => work).filter((work) => work !== undefined);
  }

  /** How long a run of so many items takes at the most, as far as is known. */
  runMs(items: number): number {
    return this.#runTime.mostMs(items);
  }

  /** Milliseconds until a job of that priority and so many items that arrives now would be done. */
  expectedMs(priority = defaultPriority, items = 1): number {
    return this.#sumMs(priority, items, (some) => this.#runTime.estimateMs(some));
  }

  /** What a job gets whose deadline has passed. */
  lateError(): SluiceError {
    const text = `${this.#options.what}: the answer was not ready by the request's deadline`;
    return new SluiceError('deadline_passed', text);
  }

  /** Throws what `submit` would, before a caller prepares a job that has no place. */
  checkRoom(terms: RunTerms = {}): void {
    this.#checkOpen(terms);
    if (this.#idle.length === 0 && this.#waiting.length >= this.#options.depthMax) throw this.#full();
    this.#checkDeadline(terms);
  }

  /**
   * Runs a job on the next free lane. Throws `queue_full` with the measured time to wait, `deadline_unmet` when
   * it would not be done by its deadline and `deadline_passed` when it is not, `cancelled` when the signal
   * aborts (a job that already runs is told, and its result dropped), or the error of `close`.
   */
  submit<Result>(
    task: (lane: Lane, turn: Turn<Work>) => Promise<Result>,
    terms: RunTerms = {},
    { work, isExpected = false, isAdmitted = false, isTrial = false }: JobOptions<Work> = {},
  ): Promise<Result> {
    try {
      if (isAdmitted) this.#checkOpen(terms);
      else this.checkRoom(terms);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    const { signal, priority = defaultPriority, items = 1, phases } = terms;
    const { nowMs } = this.#options;
    const lane = isExpected ? undefined : this.#idle.pop();
    return new Promise<Result>((resolve, reject) => {
      const submittedMs = nowMs();
      const drop = (error: SluiceError): void => {
        const index = this.#waiting.indexOf(job);
        if (index >= 0) this.#waiting.splice(index, 1);
        letGo();
        reject(error);
      };
      const onAbort = (): void => drop(this.#cancelled());
      const timer = this.#startTimer(terms, drop);
      const letGo = (): void => {
        signal?.removeEventListener('abort', onAbort);
        clearTimeout(timer);
      };
      const finish = (result: Result, { beganMs }: Turn<Work>): void => {
        if (phases !== undefined) {
          phases.queueMs += beganMs - submittedMs;
          phases.computeMs += nowMs() - beganMs;
        }
        letGo();
        resolve(result);
      };
      const job: Job<Lane, Work> = {
        priority,
        items,
        work,
        isTrial,
        run: async (chosen, turn) => {
          const result = await task(chosen, turn);
          return () => finish(result, turn);
        },
        follow: (result, turn) => {
          result.then((value) => finish(value as Result, turn), job.reject);
        },
        reject: (error) => {
          letGo();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      if (lane === undefined) this.#wait(job);
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

  #wait(job: Job<Lane, Work>): void {
    this.#waiting.splice(this.#behind(job.priority), 0, job);
  }

  /** Where a job of that priority gets in line. */
  #behind(priority: number): number {
    let place = this.#waiting.length;
    while (place > 0 && (this.#waiting[place - 1] as Job<Lane, Work>).priority > priority) place -= 1;
    return place;
  }

  #startTimer({ deadlineMs }: RunTerms, drop: (error: SluiceError) => void): NodeJS.Timeout | undefined {
    const leftMs = deadlineMs === undefined ? Number.POSITIVE_INFINITY : deadlineMs - this.#options.nowMs();
    if (leftMs > timerMsMax) return undefined;
    return setTimeout(() => drop(this.lateError()), leftMs);
  }

  /** Of the run that a job would be in and of those ahead of it on its lane. */
  #sumMs(priority: number, items: number, timeOf: (items: number) => number): number {
    const behind = this.#behind(priority);
    const waitingItems = itemsOf(this.#waiting);
    const isMerging = this.groupMax > 1;
    const before = isMerging ? itemsOf(this.#waiting.slice(0, behind)) : 0;
    const runsBefore = isMerging ? Math.floor(before / this.groupMax) : behind;
    const ahead = Math.floor((runsBefore + this.#running) / Math.max(1, this.#lanes.size));
    const own = isMerging
      ? Math.max(items, Math.min(this.groupMax, (before % this.groupMax) + items))
      : items;
    if (ahead === 0) return timeOf(own);
    const mean = (waitingItems + this.#runningItems) / (this.#waiting.length + this.#running);
    const fullOrRunning = runsBefore > 0 ? this.groupMax : this.#runningItems / Math.max(1, this.#running);
    return timeOf(own) + ahead * timeOf(Math.max(1, isMerging ? fullOrRunning : mean));
  }

  async #start(lane: Lane, job: Job<Lane, Work>): Promise<void> {
    const { nowMs } = this.#options;
    let { items } = job;
    let jobs = 1;
    let beganMs = nowMs();
    const turn: Turn<Work> = {
      get beganMs() {
        return beganMs;
      },
      begin: () => {
        beganMs = nowMs();
      },
      claim: (wants) => {
        const claimed = this.#claim(wants);
        jobs += claimed.length;
        items += itemsOf(claimed);
        this.#runningJobs += claimed.length;
        this.#runningItems += itemsOf(claimed);
        this.#startIdle();
        return claimed.map(({ work, follow }) => ({
          work: work as Work,
          follow: (result) => follow(result, turn),
        }));
      },
    };
    this.#running += 1;
    this.#runningJobs += 1;
    this.#runningItems += job.items;
    let settle: () => void;
    try {
      settle = await job.run(lane, turn);
      const endedMs = nowMs();
      if (!job.isTrial) this.#runTime.record(endedMs - beganMs, { items, atMs: endedMs });
    } catch (thrown) {
      settle = () => job.reject(thrown);
    }
    this.#running -= 1;
    this.#runningJobs -= jobs;
    this.#runningItems -= items;
    if (this.#lanes.has(lane)) this.#offer(lane);
    settle();
  }

  #claim(wants: (work: Work) => boolean): Job<Lane, Work>[] {
    const claimed = this.#waiting.filter(({ work }) => work !== undefined && wants(work));
    for (const job of claimed) this.#waiting.splice(this.#waiting.indexOf(job), 1);
    return claimed;
  }

  /** Jobs that were expected elsewhere and not claimed get the lanes that are free. */
  #startIdle(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#idle.pop();
      if (lane === undefined) return;
      this.#offer(lane);
    }
  }

  #offer(lane: Lane): void {
    const job = this.#waiting.shift();
    if (job === undefined) this.#idle.push(lane);
    else void this.#start(lane, job);
  }

  #checkOpen({ signal }: RunTerms): void {
    if (this.#closed !== undefined) throw this.#closed;
    if (signal?.aborted) throw this.#cancelled();
  }

  /** A job that an idle queue could do in time may be told when to come again; another is just refused. */
  #checkDeadline({ deadlineMs, priority = defaultPriority, items = 1 }: RunTerms): void {
    if (deadlineMs === undefined) return;
    const leftMs = deadlineMs - this.#options.nowMs();
    if (leftMs < 0) throw this.lateError();
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

  #cancelled(): SluiceError {
    return new SluiceError('cancelled', `${this.#options.what}: the client left before the answer was ready`);
  }
}

function itemsOf(jobs: readonly { items: number }[]): number {
  return jobs.reduce((sum, { items }) => sum + items, 0);
}
