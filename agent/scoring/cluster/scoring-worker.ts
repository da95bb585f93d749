import { toSluiceError } from '../../../contract/errors.ts';
import type { ScoringStart } from '../../supervise/control-protocol.ts';
import type { Deployments } from '../deployments.ts';
import { statisticsOfAll } from '../open-inference/statistics.ts';
import type { ScoringServers } from '../scoring-servers.ts';
import {
  type PeerQuestion,
  type PeerReply,
  type WorkerMessage,
  type WorkerOrder,
  workerOrderParser,
} from './cluster-protocol.ts';
import type { WorkerLink } from './worker-link.ts';

/** What a worker is made of. */
export interface ScoringWorkerOptions {
  start: ScoringStart;
  server: ScoringServers;
  deployments: Deployments;
  link: WorkerLink;
  send: (message: WorkerMessage) => void;
}

/** What one of several scoring processes does for the primary: listens when it is told to, and answers the others. */
export class ScoringWorker {
  readonly #options: ScoringWorkerOptions;

  constructor(options: ScoringWorkerOptions) {
    this.#options = options;
  }

  /** Acts on a message that only a primary sends; false for one that it passes on from the control process. */
  async handle(message: unknown): Promise<boolean> {
    const { type } = message as { type?: unknown };
    if (type === 'told' || type === 'refused') this.#options.link.take(message as PeerReply);
    else if (type === 'listen' || type === 'question') await this.#obey(workerOrderParser.parse(message));
    else return false;
    return true;
  }

  async #obey(order: WorkerOrder): Promise<void> {
    const { send, server, start } = this.#options;
    const { requestId } = order;
    try {
      const answer = order.type === 'listen' ? await server.start(start) : await this.#answer(order.question);
      send({ type: 'answered', requestId, answer });
    } catch (thrown) {
      send({ type: 'rejected', requestId, error: toSluiceError(thrown).toJSON() });
    }
  }

  async #answer(question: PeerQuestion): Promise<unknown> {
    const { deployments, server } = this.#options;
    if (question.type === 'statistics') return statisticsOfAll(question.models, deployments);
    if (question.type === 'metrics') return server.tellMetrics();
    const { model, action } = question;
    await (action === 'load' ? deployments.unpark(model) : deployments.park(model));
    return null;
  }
}
