import type { Worker } from 'node:cluster';
import type { Logger } from '../../../base/logger.ts';
import { SluiceError, toSluiceError } from '../../../contract/errors.ts';
import type { DesiredVersion } from '../../../contract/messages.ts';
import type { Digest, Name } from '../../../contract/names.ts';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type {
  ControlMessage,
  ListeningPorts,
  NpuDescription,
  ScoringMessage,
} from '../../supervise/control-protocol.ts';
import type { PeerQuestion } from './cluster-protocol.ts';
import { type SeatRequest, WorkerSeat } from './worker-seat.ts';

/** What a cluster is made of. */
export interface ScoringClusterOptions {
  processes: number;
  /** Starts a worker on a seat, from 0 up. */
  fork: (seat: number) => Worker;
  nowMs: () => number;
  limits: ScoringLimits;
  send: (message: ScoringMessage) => void;
  /** No worker serves any more; the control process starts everything again when this process ends. */
  onDown: () => void;
  log: Logger;
}

/** What all workers serve under a deployment's name. */
interface Served {
  image: Digest;
  /** A client unloaded it. */
  isParked: boolean;
}

/**
 * Several scoring processes that the control process takes for one. Each serves the same images: what changes that
 * reaches all of them, one change at a time, or none. An image is tried by one worker first, so that one which kills
 * its process leaves the others alone. A worker that dies is replaced, and the next one listens when it serves what
 * the others do.
 */
export class ScoringCluster {
  readonly #options: ScoringClusterOptions;
  readonly #seats: WorkerSeat[];
  /** In the order of activation. */
  readonly #served = new Map<Name, Served>();
  /** Workers with an image of the control process's on trial: their death is the answer. */
  readonly #trying = new Set<WorkerSeat>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  /** Deaths that are not told yet. */
  #deaths: { processes: number; isAnswered: boolean } | undefined;
  /**
   * Endpoints, as the control process said last and, in front of it, before that; and the version that it was told to
   * be in force.
   */
  #configurations: Extract<ControlMessage, { type: 'configure' }>[] = [];
  #configured: DesiredVersion | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #state: 'starting' | 'serving' | 'ended' = 'starting';
  #ports: ListeningPorts = { port: null };
  #npu: NpuDescription | null = null;
  #stopped: Promise<void> | undefined;

  constructor(options: ScoringClusterOptions) {
    this.#options = options;
    this.#seats = Array.from({ length: options.processes }, (_, index) => this.#makeSeat(index));
  }

  /** Starts all workers and tells the control process when all listen. Throws what one of them failed with. */
  async start(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => this.#bringUp(seat)));
    this.#state = 'serving';
    this.#options.send({ type: 'listening', ...this.#ports, npu: this.#npu });
  }

  /** Acts on one message of the control process and answers it. */
  async handle(message: Exclude<ControlMessage, { type: 'stop' }>): Promise<void> {
    const { send } = this.#options;
    if (message.type === 'configure') {
      this.#configurations = [...this.#configurations.slice(-1), message];
      for (const seat of this.#seats) seat.configure(message);
      this.#tellConfigured();
      return;
    }
    const { requestId, deployment } = message;
    if (message.type === 'remove') {
      await this.#remove(deployment);
      send({ type: 'removed', requestId });
      return;
    }
    try {
      await this.#inTurn(() => this.#activate(deployment, message.image));
      send({ type: 'activated', requestId });
    } catch (thrown) {
      send({ type: 'rejected', requestId, error: toSluiceError(thrown).toJSON() });
    }
  }

  /** Lets running requests end. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#state = 'ended';
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all(this.#seats.map((seat) => seat.stop()));
  }

  get #ready(): WorkerSeat[] {
    return this.#seats.filter((seat) => seat.isReady);
  }

  #makeSeat(index: number): WorkerSeat {
    const { fork, nowMs, limits } = this.#options;
    const seat: WorkerSeat = new WorkerSeat({
      fork: () => fork(index),
      nowMs,
      limits,
      onAsk: ({ askId, question }) => {
        this.#ask(seat, question).then(
          (answers) => seat.reply({ type: 'told', askId, answers }),
          (thrown: unknown) => seat.reply({ type: 'refused', askId, error: toSluiceError(thrown).toJSON() }),
        );
      },
      onConfigured: () => this.#tellConfigured(),
      onExit: (reason) => this.#onExit(seat, reason),
    });
    return seat;
  }

  /** Only a worker that serves everything listens: no client finds one that does not know its model. */
  async #bringUp(seat: WorkerSeat): Promise<void> {
    const { processActivateMs, processStartMs } = this.#options.limits;
    this.#npu = await seat.open();
    const { pid } = seat;
    // Of a deployment that is just being removed only the one before knows the keys.
    for (const configuration of this.#configurations) seat.configure(configuration);
    await this.#inTurn(async () => {
      // It may have died while it waited for its turn; the next one on the seat gets a turn of its own.
      if (seat.pid !== pid) throw new SluiceError('scoring_crashed', 'scoring process: it is gone');
      for (const [deployment, { image, isParked }] of this.#served) {
        if (!this.#isWanted(deployment)) continue;
        await seat.request({ type: 'activate', deployment, image }, processActivateMs);
        if (isParked) await seat.request(control(deployment, 'unload'), processActivateMs);
      }
      this.#ports = (await seat.request({ type: 'listen' }, processStartMs)) as ListeningPorts;
      seat.admit();
      this.#options.log.info({ pid: seat.pid }, 'scoring process ready');
    });
  }

  #onExit(seat: WorkerSeat, reason: string): void {
    const { log, onDown } = this.#options;
    if (this.#state !== 'serving') return;
    const { delayMs } = seat;
    log.error(
      { code: 'scoring_crashed', delayMs },
      `scoring process: one ended with ${reason}; it starts again`,
    );
    if (this.#ready.length === 0) {
      this.#state = 'ended';
      for (const other of this.#seats) other.kill();
      onDown();
      return;
    }
    this.#tellDeath({ isAnswered: this.#trying.has(seat) });
    this.#tellConfigured();
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#bringUp(seat).catch((thrown: unknown) => {
        const { code, message } = toSluiceError(thrown);
        log.error({ code }, `scoring process: it could not be started again (${message})`);
        // One that cannot serve what the others do is not let in. A dead one may have a successor by now.
        if (code !== 'scoring_crashed') seat.kill();
      });
    }, delayMs);
    this.#restarts.add(timer);
  }

  /**
   * Not at once: should all die of the same, the end of this process says it, and nothing is asked of it meanwhile
   * whose failure would count as one more.
   */
  #tellDeath({ isAnswered }: { isAnswered: boolean }): void {
    if (this.#deaths !== undefined) {
      this.#deaths.processes += 1;
      this.#deaths.isAnswered &&= isAnswered;
      return;
    }
    const deaths = { processes: 1, isAnswered };
    this.#deaths = deaths;
    setTimeout(() => {
      this.#deaths = undefined;
      if (this.#state === 'serving') this.#options.send({ type: 'process-died', ...deaths });
    }, this.#options.limits.processDeathsMs);
  }

  /**
   * Whether a new worker shall serve it. One whose removal is under way it shall not: the others still know the
   * endpoint whose keys it stands behind, but a new worker does not.
   */
  #isWanted(deployment: Name): boolean {
    return this.#configurations.at(-1)?.deployments.includes(deployment) ?? true;
  }

  /** Endpoints are in force when every worker that serves has them. */
  #tellConfigured(): void {
    const wanted = this.#configurations.at(-1)?.version;
    if (wanted === undefined || wanted === this.#configured) return;
    const { epoch, generation } = wanted;
    const isDone = this.#ready.every(
      ({ configured }) => configured?.epoch === epoch && configured.generation === generation,
    );
    if (!isDone) return;
    this.#configured = wanted;
    this.#options.send({ type: 'configured', version: wanted });
  }

  async #activate(deployment: Name, image: Digest): Promise<void> {
    const before = this.#served.get(deployment);
    if (before?.image === image) return;
    const [first, ...others] = this.#ready;
    if (first === undefined) throw new SluiceError('not_ready', 'scoring: no scoring process is ready');
    const keepsSequences = await this.#try(first, deployment, image);
    const followed = await Promise.allSettled(others.map((seat) => this.#try(seat, deployment, image)));
    const failure = followed.find((result) => result.status === 'rejected');
    if (failure === undefined) {
      this.#served.delete(deployment);
      this.#served.set(deployment, { image, isParked: false });
      if (keepsSequences) this.#warnOfSequences(deployment, image);
      return;
    }
    await this.#restore(deployment, before);
    throw failure.reason;
  }

  #warnOfSequences(deployment: Name, image: Digest): void {
    this.#options.log.warn(
      { deployment, image },
      'this image keeps sequences, each in one of several scoring processes: a client must stay on one connection',
    );
  }

  /** Resolves with whether the image keeps sequences. */
  async #try(seat: WorkerSeat, deployment: Name, image: Digest): Promise<boolean> {
    this.#trying.add(seat);
    try {
      const answer = await seat.request(
        { type: 'activate', deployment, image },
        this.#options.limits.processActivateMs,
      );
      return answer === 'keeps-sequences';
    } finally {
      this.#trying.delete(seat);
    }
  }

  /** Goes back to what was served. A worker that cannot is replaced by one that begins with it. */
  async #restore(deployment: Name, before: Served | undefined): Promise<void> {
    const { processActivateMs, processRemoveMs } = this.#options.limits;
    await this.#tellAll(async (seat) => {
      if (before === undefined) {
        await seat.request({ type: 'remove', deployment }, processRemoveMs);
        return;
      }
      await seat.request({ type: 'activate', deployment, image: before.image }, processActivateMs);
      if (before.isParked) await seat.request(control(deployment, 'unload'), processActivateMs);
    });
  }

  /** Waits for no turn: a worker does it when it has done what it was told before, also one that is being brought up. */
  async #remove(deployment: Name): Promise<void> {
    this.#served.delete(deployment);
    const remove = (seat: WorkerSeat): Promise<unknown> =>
      seat.request({ type: 'remove', deployment }, this.#options.limits.processRemoveMs);
    for (const seat of this.#seats) if (seat.isTaken && !seat.isReady) remove(seat).catch(() => undefined);
    await this.#tellAll(remove);
  }

  /** Has every ready worker do something that it can only fail by a defect; it is then replaced. */
  async #tellAll(tell: (seat: WorkerSeat) => Promise<unknown>): Promise<void> {
    await Promise.all(this.#ready.map((seat) => tell(seat).catch(() => seat.kill())));
  }

  async #ask(asking: WorkerSeat, question: PeerQuestion): Promise<unknown[]> {
    if (question.type === 'control') {
      await this.#inTurn(() => this.#control(question.model, question.action));
      return [];
    }
    const others = this.#ready.filter((seat) => seat !== asking);
    const answers = others.map(async (seat) => {
      try {
        return [await seat.inquire(question, this.#options.limits.peerAnswerMs)];
      } catch (thrown) {
        // What a process counted is gone with it. A scrape says of how many processes it is.
        if (question.type === 'metrics' || toSluiceError(thrown).code === 'scoring_crashed') return [];
        throw thrown;
      }
    });
    return (await Promise.all(answers)).flat();
  }

  async #control(model: Name, action: 'load' | 'unload'): Promise<void> {
    const served = this.#served.get(model);
    if (served === undefined || served.isParked === (action === 'unload')) return;
    const { processActivateMs } = this.#options.limits;
    if (action === 'unload') {
      served.isParked = true;
      await this.#tellAll((seat) => seat.request(control(model, 'unload'), processActivateMs));
      return;
    }
    const loaded = this.#ready.map((seat) => seat.request(control(model, 'load'), processActivateMs));
    const failure = (await Promise.allSettled(loaded)).find((result) => result.status === 'rejected');
    if (failure === undefined) {
      served.isParked = false;
      return;
    }
    await this.#tellAll((seat) => seat.request(control(model, 'unload'), processActivateMs));
    throw failure.reason;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}

function control(model: Name, action: 'load' | 'unload'): SeatRequest {
  return { type: 'question', question: { type: 'control', action, model } };
}
