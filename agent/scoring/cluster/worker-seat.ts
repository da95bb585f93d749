import type { Worker } from 'node:cluster';
import { backoffMs } from '../../../base/backoff.ts';
import { SluiceError } from '../../../contract/errors.ts';
import type { DesiredVersion } from '../../../contract/messages.ts';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type { ControlMessage, NpuDescription } from '../../supervise/control-protocol.ts';
import { PendingRequests } from '../../supervise/pending-requests.ts';
import type { PeerQuestion, PeerReply, WorkerMessage, WorkerOrder } from './cluster-protocol.ts';

type WithoutId<Message> = Message extends { requestId: number } ? Omit<Message, 'requestId'> : never;

/** What a seat can be asked; each is answered once. */
export type SeatRequest = WithoutId<Extract<ControlMessage, { requestId: number }> | WorkerOrder>;

/** How a seat starts its workers, and whom it tells. */
export interface WorkerSeatOptions {
  fork: () => Worker;
  nowMs: () => number;
  limits: ScoringLimits;
  onAsk: (ask: { askId: number; question: PeerQuestion }) => void;
  /** Its worker has put endpoints in force. */
  onConfigured: () => void;
  /** The worker is gone; its requests are rejected after this. */
  onExit: (reason: string) => void;
}

/** The place of one worker: one process after another, each ready once it is told so. */
export class WorkerSeat {
  readonly #options: WorkerSeatOptions;
  readonly #pending = new PendingRequests<unknown>();
  #worker: Worker | undefined;
  #opened:
    | { resolve: (npu: NpuDescription | null) => void; reject: (error: SluiceError) => void }
    | undefined;
  #isReady = false;
  #configured: DesiredVersion | undefined;
  #failures = 0;
  #startedAtMs = 0;
  #gone: Promise<void> = Promise.resolve();

  constructor(options: WorkerSeatOptions) {
    this.#options = options;
  }

  /** Whether requests reach its worker and it serves what all serve. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Version of the endpoints that its worker has in force. */
  get configured(): DesiredVersion | undefined {
    return this.#configured;
  }

  /** Process id of its worker. */
  get pid(): number | undefined {
    return this.#worker?.process.pid;
  }

  /** Whether there is a worker, ready or not. */
  get isTaken(): boolean {
    return this.#worker !== undefined;
  }

  /** How long to wait before the next worker is started. */
  get delayMs(): number {
    const { processRestartBaseMs: baseMs, processRestartCapMs: capMs } = this.#options.limits;
    return backoffMs({ failures: this.#failures, baseMs, capMs });
  }

  /** Starts a worker; resolves when it has opened its NPU. Throws what it failed with, or `scoring_crashed`. */
  open(): Promise<NpuDescription | null> {
    const { fork, nowMs, limits } = this.#options;
    this.#startedAtMs = nowMs();
    const worker = fork();
    this.#worker = worker;
    worker.on('message', (message: WorkerMessage) => this.#onMessage(message));
    // A message to a worker that is going fails; its exit settles everything.
    worker.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      worker.process.once('exit', (code, signal) => {
        this.#onExit(signal === null ? `exit code ${code}` : `signal ${signal}`);
        resolve();
      });
    });
    const hung = setTimeout(() => this.kill(), limits.processStartMs);
    return new Promise<NpuDescription | null>((resolve, reject) => {
      this.#opened = { resolve, reject };
    }).finally(() => clearTimeout(hung));
  }

  /** From now on it counts as serving. */
  admit(): void {
    this.#isReady = true;
  }

  /** Tells the worker of endpoints; before any activation that follows, because messages keep their order. */
  configure(message: Extract<ControlMessage, { type: 'configure' }>): void {
    if (this.#worker?.isConnected() === true) this.#worker.send(message);
  }

  /** Asks the worker. Throws its reason, or `scoring_crashed` when it dies, or hangs and is killed. */
  async request(message: SeatRequest, limitMs: number): Promise<unknown> {
    const worker = this.#worker;
    if (worker === undefined) throw new SluiceError('scoring_crashed', 'scoring process: it is gone');
    const { requestId, answer } = this.#pending.add();
    const hung = setTimeout(() => this.kill(), limitMs);
    try {
      worker.send({ ...message, requestId });
      return await answer;
    } finally {
      clearTimeout(hung);
    }
  }

  /** Asks the worker, which may be busy: one that does not answer in time is left alone. Throws `not_ready`. */
  async inquire(question: PeerQuestion, limitMs: number): Promise<unknown> {
    const { requestId, answer } = this.#pending.add();
    const late = setTimeout(() => {
      const error = `scoring: one of the scoring processes did not answer in ${limitMs} ms; try again`;
      this.#pending.reject(requestId, new SluiceError('not_ready', error));
    }, limitMs);
    try {
      this.#worker?.send({ type: 'question', requestId, question });
      return await answer;
    } finally {
      clearTimeout(late);
    }
  }

  /** Answers a question of its worker. */
  reply(reply: PeerReply): void {
    if (this.#worker?.isConnected() === true) this.#worker.send(reply);
  }

  /** Ends the worker at once. */
  kill(): void {
    this.#worker?.process.kill('SIGKILL');
  }

  /** Lets a worker that serves end its requests, and any other end now; resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#isReady && this.#worker?.isConnected() === true) this.#worker.send({ type: 'stop' });
    else this.kill();
    this.#isReady = false;
    await this.#gone;
  }

  #onMessage(message: WorkerMessage): void {
    switch (message.type) {
      case 'opened':
        this.#opened?.resolve(message.npu);
        break;
      case 'failed':
        this.#opened?.reject(new SluiceError(message.error.code, message.error.message));
        break;
      case 'configured':
        this.#configured = message.version;
        this.#options.onConfigured();
        break;
      case 'ask':
        this.#options.onAsk(message);
        break;
      case 'rejected':
        this.#pending.reject(message.requestId, new SluiceError(message.error.code, message.error.message));
        break;
      case 'answered':
        this.#pending.resolve(message.requestId, message.answer);
        break;
      case 'activated':
        this.#pending.resolve(message.requestId, message.keepsSequences === true ? 'keeps-sequences' : null);
        break;
      case 'removed':
        this.#pending.resolve(message.requestId, null);
    }
  }

  #onExit(reason: string): void {
    const { nowMs, limits, onExit } = this.#options;
    const livedMs = nowMs() - this.#startedAtMs;
    this.#failures = livedMs >= limits.processHealthyMs ? 1 : this.#failures + 1;
    this.#worker = undefined;
    this.#isReady = false;
    this.#configured = undefined;
    const error = new SluiceError('scoring_crashed', `scoring process: it ended with ${reason}`);
    onExit(reason);
    this.#opened?.reject(error);
    this.#pending.rejectAll(error);
  }
}
