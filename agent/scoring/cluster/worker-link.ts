import { SluiceError } from '../../../contract/errors.ts';
import type { Name } from '../../../contract/names.ts';
import type { ToldMetrics } from '../../observe/told-metrics.ts';
import { PendingRequests } from '../../supervise/pending-requests.ts';
import type { ModelStatistics } from '../open-inference/statistics.ts';
import type { Peers } from '../peers.ts';
import type { PeerQuestion, PeerReply, WorkerMessage } from './cluster-protocol.ts';

/** A worker's way to the others, through the primary. */
export class WorkerLink implements Peers {
  readonly #send: (message: WorkerMessage) => void;
  readonly #asksMax: number;
  readonly #pending = new PendingRequests<unknown[]>();

  constructor(options: { send: (message: WorkerMessage) => void; asksMax: number }) {
    this.#send = options.send;
    this.#asksMax = options.asksMax;
  }

  async statistics(models: readonly Name[]): Promise<ModelStatistics[][]> {
    const answers = await this.#ask({ type: 'statistics', models: [...models] });
    return answers as ModelStatistics[][];
  }

  async metrics(): Promise<ToldMetrics[]> {
    // A scrape tells what it can, this process's own at least while too many questions are open.
    const answers = await this.#ask({ type: 'metrics' }).catch(() => []);
    return answers as ToldMetrics[];
  }

  async controlModel(model: Name, action: 'load' | 'unload'): Promise<void> {
    await this.#ask({ type: 'control', action, model });
  }

  /** The primary answered. */
  take(reply: PeerReply): void {
    if (reply.type === 'told') this.#pending.resolve(reply.askId, reply.answers);
    else this.#pending.reject(reply.askId, new SluiceError(reply.error.code, reply.error.message));
  }

  async #ask(question: PeerQuestion): Promise<unknown[]> {
    if (this.#pending.count >= this.#asksMax) {
      throw new SluiceError(
        'queue_full',
        `scoring: ${this.#asksMax} questions to the other scoring processes are open; try again later`,
      );
    }
    const { requestId: askId, answer } = this.#pending.add();
    this.#send({ type: 'ask', askId, question });
    return answer;
  }
}
