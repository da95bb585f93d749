import { type ErrorCode, toSluiceError } from '../../contract/errors.ts';
import { type BatchLimits, itemsToRun, itemsWorthRunning } from './batch-limits.ts';
import type { CancelSignal } from './cancellation.ts';
import type { RunTerms } from './run-terms.ts';
import type { Turn, WorkQueue } from './work-queue.ts';

/** How requests of one kind are merged, run and taken apart. */
export interface Batchable<Lane, Input, Output> {
  /** Requests with different keys never run together. */
  keyOf(input: Input): string;
  /** Items of a request; undefined for one that goes alone. */
  itemsOf(input: Input): number | undefined;
  bytesOf(input: Input): number;
  /** A copy: each request stays whole, for a run of its own. */
  merge(inputs: readonly Input[]): Input;
  /** An abort ends the run soon: nobody waits for it any more. */
  run(lane: Lane, input: Input, signal?: CancelSignal): Promise<Output>;
  split(output: Output, items: readonly number[]): Output[];
}

/** A run that is over, as those who measure are told. */
export interface FinishedRun<Output> {
  requests: number;
  items: number;
  computeMs: number;
  output: Output;
}

/** What a batch queue needs. */
export interface BatchQueueOptions<Lane, Input, Output> {
  queue: WorkQueue<Lane, BatchMember<Input>>;
  batchable: Batchable<Lane, Input, Output>;
  nowMs: () => number;
  onRun?: (run: FinishedRun<Output>) => void;
}

/** One request. */
export interface BatchMember<Input> {
  input: Input;
  key: string;
  /** Undefined for a request that goes alone. */
  items: number | undefined;
  terms: RunTerms;
  submittedMs: number;
}

/** A leader that has a lane and waits for others. */
interface Forming {
  key: string;
  look(): void;
}

/** What may be the fault of one request of a batch, so that the others are run without it. */
const oneMembersFault: ReadonlySet<ErrorCode> = new Set([
  'engine_failed',
  'limit_exceeded',
  'tensor_data',
  'tensor_shape',
]);

/** What a batch that waits keeps free before the earliest deadline of its requests, besides its run. */
const deadlineMarginMs = 2;

/** A merged run failed in a way that may be the fault of one of its requests. */
class SharedFailure extends Error {}

/**
 * Runs requests on a queue's lanes, several at once where they wait anyway. A request that finds a free lane
 * starts at once, unless a delay is set; one that gets a lane after waiting takes along what waits behind it.
 * Without `limits` every request runs alone.
 */
export class BatchQueue<Lane, Input, Output> {
  readonly #options: BatchQueueOptions<Lane, Input, Output>;
  readonly #forming = new Set<Forming>();
  #limits: BatchLimits | undefined;

  constructor(options: BatchQueueOptions<Lane, Input, Output>) {
    this.#options = options;
  }

  /** How requests are merged; undefined when they are not. */
  get limits(): BatchLimits | undefined {
    return this.#limits;
  }

  set limits(limits: BatchLimits | undefined) {
    this.#limits = limits;
    this.#options.queue.groupMax = limits?.itemsMax ?? 1;
  }

  /**
   * Runs a request, and gives its own part of the result. Throws as `WorkQueue.submit` does. When a merged run
   * fails by what may be the fault of one request, each of its requests runs alone, once. A trial runs alone and
   * leaves no trace in estimates.
   */
  async submit(input: Input, terms: RunTerms = {}, { isTrial = false } = {}): Promise<Output> {
    const { queue, batchable, nowMs } = this.#options;
    if (isTrial) return queue.submit((lane) => batchable.run(lane, input), terms, { isTrial });
    const isMerging = this.#limits !== undefined;
    const items = isMerging ? batchable.itemsOf(input) : undefined;
    const member: BatchMember<Input> = {
      input,
      key: isMerging ? batchable.keyOf(input) : '',
      items,
      terms: items === undefined || items === terms.items ? terms : { ...terms, items },
      submittedMs: nowMs(),
    };
    try {
      return await this.#submitMember(member);
    } catch (thrown) {
      if (!(thrown instanceof SharedFailure)) throw thrown;
      return queue.submit((lane) => this.#alone(lane, member), member.terms, { isAdmitted: true });
    }
  }

  #submitMember(member: BatchMember<Input>): Promise<Output> {
    const { queue } = this.#options;
    if (member.items === undefined) {
      return queue.submit((lane) => this.#alone(lane, member), member.terms);
    }
    const isExpected = [...this.#forming].some(({ key }) => key === member.key);
    const result = queue.submit((lane, turn) => this.#lead({ lane, turn, leader: member }), member.terms, {
      work: member,
      isExpected,
    });
    if (isExpected) for (const forming of this.#forming) forming.look();
    return result;
  }

  async #alone(lane: Lane, member: BatchMember<Input>): Promise<Output> {
    const [output] = await this.#run(lane, [member]);
    return output as Output;
  }

  /** The lane is the leader's: it takes along what it can, and runs. */
  async #lead({ lane, turn, leader }: Lead<Lane, Input>): Promise<Output> {
    const { limits } = this;
    if (limits === undefined) return this.#alone(lane, leader);
    if (limits.delayMs > 0) {
      await this.#untilWorthRunning(leader, limits);
      turn.begin();
    }
    const followers = turn.claim(this.#chooser(leader, limits));
    // One that is late has no part in the run, but keeps the lane for it.
    const leads = !this.#isGone(leader);
    const members = [...(leads ? [leader] : []), ...followers.map(({ work }) => work)];
    const outputs = members.length === 0 ? Promise.resolve([]) : this.#run(lane, members);
    const offset = leads ? 1 : 0;
    for (const [index, follower] of followers.entries()) {
      follower.follow(outputs.then((parts) => parts[offset + index] as Output));
    }
    if (leads) return (await outputs)[0] as Output;
    await outputs.catch(() => undefined);
    throw this.#options.queue.lateError();
  }

  /** Decides, in the order of the queue, what goes along with a leader. */
  #chooser(leader: BatchMember<Input>, limits: BatchLimits): (member: BatchMember<Input>) => boolean {
    const { bytesOf } = this.#options.batchable;
    const candidates = this.#candidates(leader);
    const available = candidates.reduce((sum, { items = 0 }) => sum + items, leader.items ?? 0);
    let itemsLeft = itemsToRun(available, limits) - (leader.items ?? 0);
    let bytesLeft = limits.bytesMax - bytesOf(leader.input);
    const chosen = new Set<BatchMember<Input>>();
    for (const candidate of candidates) {
      itemsLeft -= candidate.items ?? 0;
      bytesLeft -= bytesOf(candidate.input);
      // Nobody overtakes one that has no place any more.
      if (itemsLeft < 0 || bytesLeft < 0) break;
      chosen.add(candidate);
    }
    return (member) => chosen.has(member);
  }

  #candidates(leader: BatchMember<Input>): BatchMember<Input>[] {
    return this.#options.queue
      .waitingWork()
      .filter((member) => member.key === leader.key && member.items !== undefined && !this.#isGone(member));
  }

  /** Waits until enough is there, the delay is over, or somebody's deadline allows no more. */
  async #untilWorthRunning(leader: BatchMember<Input>, limits: BatchLimits): Promise<void> {
    const enough = itemsWorthRunning(limits);
    while (true) {
      const members = [leader, ...this.#candidates(leader)];
      const items = members.reduce((sum, member) => sum + (member.items ?? 0), 0);
      const leftMs = Math.min(...members.map((member) => this.#patienceMs(member, limits, items)));
      if (items >= enough || !(leftMs > 0)) return;
      await this.#untilArrival(leader.key, leftMs);
    }
  }

  /** How long a member may still wait. */
  #patienceMs({ submittedMs, terms }: BatchMember<Input>, limits: BatchLimits, items: number): number {
    const { nowMs, queue } = this.#options;
    if (terms.signal?.aborted) return 0;
    const untilMs = submittedMs + limits.delayMs;
    const latestMs = (terms.deadlineMs ?? Number.POSITIVE_INFINITY) - queue.runMs(items) - deadlineMarginMs;
    return Math.min(untilMs, latestMs) - nowMs();
  }

  async #untilArrival(key: string, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#forming.delete(forming);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      const forming: Forming = { key, look: done };
      this.#forming.add(forming);
    });
  }

  #isGone({ terms: { signal, deadlineMs } }: BatchMember<Input>): boolean {
    return signal?.aborted === true || (deadlineMs !== undefined && deadlineMs < this.#options.nowMs());
  }

  async #run(lane: Lane, members: readonly BatchMember<Input>[]): Promise<Output[]> {
    const { batchable, nowMs, onRun } = this.#options;
    const inputs = members.map(({ input }) => input);
    const items = members.map((member) => member.items ?? batchable.itemsOf(member.input) ?? 1);
    const startedMs = nowMs();
    try {
      const isMerged = members.length > 1;
      const output = isMerged
        ? await batchable.run(lane, batchable.merge(inputs))
        : await batchable.run(lane, inputs[0] as Input, members[0]?.terms.signal);
      const total = items.reduce((sum, count) => sum + count, 0);
      onRun?.({ requests: members.length, items: total, computeMs: nowMs() - startedMs, output });
      return isMerged ? batchable.split(output, items) : [output];
    } catch (thrown) {
      if (members.length > 1 && oneMembersFault.has(toSluiceError(thrown).code)) throw new SharedFailure();
      throw thrown;
    }
  }
}

interface Lead<Lane, Input> {
  lane: Lane;
  turn: Turn<BatchMember<Input>>;
  leader: BatchMember<Input>;
}
