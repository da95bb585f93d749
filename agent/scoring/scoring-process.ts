import type { Logger } from '../../base/logger.ts';
import { type SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { DataCollector } from '../collect/data-collector.ts';
import type { ControlMessage, NpuDescription, ScoringMessage } from '../supervise/control-protocol.ts';
import type { Deployments } from './deployments.ts';
import type { Endpoints } from './endpoints.ts';
import type { TcpAddress } from './listener-settings.ts';
import type { OpenNpu } from './npu-device.ts';
import type { ScoringServers } from './scoring-servers.ts';

/** What the scoring process is made of. */
export interface ScoringProcessOptions {
  server: ScoringServers;
  deployments: Deployments;
  endpoints: Endpoints;
  npu: OpenNpu | undefined;
  /** Where data is collected. */
  collector?: DataCollector | undefined;
  send: (message: ScoringMessage) => void;
  log: Logger;
}

/** Does what the control process says, and answers each of its requests once. */
export class ScoringProcess {
  readonly #options: ScoringProcessOptions;
  #stopped: Promise<void> | undefined;

  constructor(options: ScoringProcessOptions) {
    this.#options = options;
  }

  /** Listens and tells the control process. Throws `port_in_use` or `usage`. */
  async start(address: TcpAddress): Promise<void> {
    const { server, npu, send } = this.#options;
    const ports = await server.start(address);
    const description: NpuDescription | null = npu?.description ?? null;
    send({ type: 'listening', ...ports, npu: description });
  }

  /** Acts on one message and answers it. */
  async handle(message: Exclude<ControlMessage, { type: 'stop' }>): Promise<void> {
    const { deployments, endpoints, collector, send, log } = this.#options;
    switch (message.type) {
      case 'activate': {
        const { deployment, image, requestId } = message;
        try {
          await deployments.activate(deployment, image);
          log.info({ deployment, image }, 'deployment activated');
          const keepsSequences = deployments.get(deployment)?.sequences !== undefined;
          send({ type: 'activated', requestId, ...(keepsSequences ? { keepsSequences } : {}) });
        } catch (thrown) {
          const error = this.#logFailure(thrown, { deployment, image });
          send({ type: 'rejected', requestId, error: error.toJSON() });
        }
        break;
      }
      case 'remove':
        await deployments.remove(message.deployment);
        endpoints.forget(message.deployment);
        log.info({ deployment: message.deployment }, 'deployment removed');
        send({ type: 'removed', requestId: message.requestId });
        break;
      case 'configure':
        endpoints.configure(message);
        // Of one that never ran nobody will say that it is gone.
        for (const name of endpoints.leavingDeployments) {
          if (!deployments.isKnown(name)) endpoints.forget(name);
        }
        collector?.configure(message.collect ?? {});
        log.info({ endpoints: endpoints.names }, 'endpoints configured');
        send({ type: 'configured', version: message.version });
        break;
    }
  }

  /** Ends the server, then the collector, the engines and the NPU. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { server, deployments, npu, collector } = this.#options;
    await server.stop();
    await collector?.stop();
    await deployments.close();
    await npu?.close();
  }

  #logFailure(thrown: unknown, subject: { deployment: string; image: string }): SluiceError {
    const error = toSluiceError(thrown);
    // The stack of a defect is for the log alone.
    const details = error.code === 'internal' ? { err: thrown } : {};
    this.#options.log.error({ ...subject, ...details, code: error.code }, `image refused: ${error.message}`);
    return error;
  }
}
