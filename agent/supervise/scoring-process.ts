import type { ChildProcess } from 'node:child_process';
import { backoffMs } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { DesiredVersion, ReportedDocument } from '../../contract/messages.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { AgentLimits } from '../agent-limits.ts';
import type { Clock } from '../clock.ts';
import type {
  ControlMessage,
  EndpointsWanted,
  ListeningPorts,
  NpuDescription,
  ScoringMessage,
  ScoringStart,
  StartMessage,
} from './control-protocol.ts';
import { PendingRequests } from './pending-requests.ts';
import { spawnScoring } from './spawn-scoring.ts';

/** What a scoring process says once it accepts requests. */
export interface ScoringListening extends ListeningPorts {
  npu: NpuDescription | null;
}

/** How to run the scoring process. */
export interface ScoringProcessOptions {
  /** The script that speaks the control protocol. */
  entry: URL;
  start: ScoringStart;
  /** One that runs already and is to be told what to do; the first start takes it, or `stop` ends it. */
  spawned?: ChildProcess;
  clock: Clock;
  limits: AgentLimits;
  logger: Logger;
  /** A process listens: also after each restart, with nothing activated in it. */
  onListening: (listening: ScoringListening) => void;
  /** The process is gone unasked; the next one is on its way. */
  onDown: () => void;
  /** The endpoints of a desired document are in force. */
  onConfigured: () => void;
  /** Some of several processes died while nothing was tried in them. The others go on with all that is activated. */
  onProcessDied: () => void;
}

/** How long several processes may take in units of one: the first tries an image, the others follow, or go back. */
const stepsOfSeveral = 3;

/**
 * Runs the scoring process and starts it again with back-off when it dies. What happens in it happens
 * there: a crash, a hang or a leak of an engine or script never reaches this process.
 */
export class ScoringProcess {
  readonly #options: ScoringProcessOptions;
  readonly #pending = new PendingRequests();
  #spawned: ChildProcess | undefined;
  #child: ChildProcess | undefined;
  #port: number | null;
  #grpcPort: number | undefined;
  #restarts = 0;
  #failures = 0;
  #startedAtMs = 0;
  #state: 'starting' | 'listening' | 'down' = 'down';
  #restart: NodeJS.Timeout | undefined;
  #mustListen: NodeJS.Timeout | undefined;
  #isStopping = false;
  #endpoints: EndpointsWanted | undefined;
  #configured: DesiredVersion | undefined;
  #first:
    | { resolve: (listening: ScoringListening) => void; reject: (error: SluiceError) => void }
    | undefined;

  constructor(options: ScoringProcessOptions) {
    this.#options = options;
    this.#spawned = options.spawned;
    this.#port = options.start.port;
  }

  /** What the reported document says of the process; port 0 stands for no TCP. */
  get status(): ReportedDocument['scoring'] {
    const configured = this.#configured === undefined ? {} : { configured: this.#configured };
    return { state: this.#state, port: this.#port ?? 0, restarts: this.#restarts, ...configured };
  }

  /**
   * Resolves when the process listens. Throws what it refused to start with, such as `port_in_use`,
   * `scoring_crashed` when it never listens, and `cancelled` when it is stopped meanwhile.
   */
  start(): Promise<ScoringListening> {
    return new Promise((resolve, reject) => {
      this.#first = { resolve, reject };
      if (this.#isStopping) this.#failFirst(stoppedError());
      else this.#spawn();
    });
  }

  /**
   * Loads an image, checks it and switches the deployment to it. Throws the process's reason, or
   * `scoring_crashed` when it died or hung; a process that hangs is killed.
   */
  async activate(options: { deployment: Name; image: Digest }): Promise<void> {
    const { limits, start } = this.#options;
    const steps = (start.processes ?? 1) > 1 ? stepsOfSeveral : 1;
    await this.#request({ type: 'activate', ...options }, limits.activateTimeoutMs * steps);
  }

  /** Stops serving a deployment. Throws `scoring_crashed`. */
  async remove(deployment: Name): Promise<void> {
    await this.#request({ type: 'remove', deployment }, this.#options.limits.removeTimeoutMs);
  }

  /** What endpoints there are from now on, in this process and in every later one. */
  configure(wanted: EndpointsWanted): void {
    this.#endpoints = wanted;
    if (this.#state === 'listening') this.#sendEndpoints();
  }

  /** Lets running requests end, then kills. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#failFirst(stoppedError());
    clearTimeout(this.#restart);
    this.#spawned?.kill('SIGKILL');
    this.#spawned = undefined;
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    const kill = setTimeout(() => child.kill('SIGKILL'), this.#options.limits.scoringStopMs);
    this.#send(child, { type: 'stop' });
    await gone;
    clearTimeout(kill);
  }

  #spawn(): void {
    const { entry, start, clock, limits, logger } = this.#options;
    this.#state = 'starting';
    this.#startedAtMs = clock.monotonicMs();
    const endpoint = this.#grpcPort === undefined ? {} : { grpcPort: this.#grpcPort };
    const argument = JSON.stringify({
      ...start,
      port: this.#port,
      endpoint: { ...start.endpoint, ...endpoint },
    });
    const child = this.#tellSpawned(argument) ?? spawnScoring(entry, argument);
    this.#child = child;
    this.#mustListen = setTimeout(() => {
      logger.error(`scoring process: it does not listen after ${limits.listenTimeoutMs} ms; it is killed`);
      child.kill('SIGKILL');
    }, limits.listenTimeoutMs);
    let end = 'it could not be started';
    child.on('message', (message) => this.#onMessage(message as ScoringMessage));
    child.once('error', (error) => {
      end = error.message;
      if (child.pid === undefined) this.#onExit(end);
    });
    child.once('exit', (code, signal) =>
      this.#onExit(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  }

  /** The one that waits for its argument, which it gets; undefined when there is none, or it is gone. */
  #tellSpawned(argument: string): ChildProcess | undefined {
    const child = this.#spawned;
    this.#spawned = undefined;
    const isGone = child?.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    if (isGone || !child.connected) return undefined;
    this.#send(child, { type: 'start', argument });
    return child;
  }

  #onMessage(message: ScoringMessage): void {
    switch (message.type) {
      case 'listening': {
        const { type: _, ...listening } = message;
        this.#state = 'listening';
        clearTimeout(this.#mustListen);
        // Ports that the system chose stay the same over restarts.
        this.#port = message.port;
        this.#grpcPort = message.grpcPort;
        // Before anything is activated: a deployment never answers without the keys that it stands behind.
        this.#sendEndpoints();
        this.#settleFirst(listening);
        this.#options.onListening(listening);
        break;
      }
      case 'failed': {
        const error = new SluiceError(message.error.code, message.error.message);
        // At the first start the caller learns of it, and tells it once.
        if (this.#first === undefined) this.#options.logger.error({ code: error.code }, error.message);
        this.#failFirst(error);
        break;
      }
      case 'configured':
        this.#configured = message.version;
        this.#options.onConfigured();
        break;
      case 'rejected':
        this.#pending.reject(message.requestId, new SluiceError(message.error.code, message.error.message));
        break;
      case 'process-died':
        this.#restarts += message.processes;
        if (!message.isAnswered) this.#options.onProcessDied();
        break;
      default:
        this.#pending.resolve(message.requestId);
    }
  }

  #onExit(reason: string): void {
    const { logger, limits, clock, onDown } = this.#options;
    this.#child = undefined;
    this.#state = 'down';
    this.#configured = undefined;
    clearTimeout(this.#mustListen);
    if (this.#isStopping) {
      this.#pending.rejectAll(stoppedError());
      return;
    }
    const livedMs = clock.monotonicMs() - this.#startedAtMs;
    this.#failures = livedMs >= limits.restartHealthyMs ? 1 : this.#failures + 1;
    const error = new SluiceError('scoring_crashed', `scoring process: it ended with ${reason}`);
    if (this.#first !== undefined && this.#failures >= limits.firstStartTriesMax) this.#failFirst(error);
    if (this.#isStopping) return;
    const { restartBaseMs: baseMs, restartCapMs: capMs } = limits;
    const delayMs = backoffMs({ failures: this.#failures, baseMs, capMs });
    logger.error({ code: error.code, delayMs }, `${error.message}; it starts again`);
    this.#restarts += 1;
    // The requests learn of it after `onDown`, which asks what was running.
    onDown();
    this.#pending.rejectAll(error);
    this.#restart = setTimeout(() => this.#spawn(), delayMs);
  }

  #settleFirst(listening: ScoringListening): void {
    this.#first?.resolve(listening);
    this.#first = undefined;
  }

  /** A process that never listened is not started again: the caller hears why. */
  #failFirst(error: SluiceError): void {
    if (this.#first === undefined) return;
    this.#isStopping = true;
    this.#first.reject(error);
    this.#first = undefined;
  }

  async #request(
    message: { type: 'activate'; deployment: Name; image: Digest } | { type: 'remove'; deployment: Name },
    timeoutMs: number,
  ): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.#state !== 'listening') {
      throw new SluiceError('not_ready', 'scoring process: it is not listening yet');
    }
    const { requestId, answer } = this.#pending.add();
    const hung = setTimeout(() => {
      this.#options.logger.error(
        `scoring process: no answer to ${message.type} in ${timeoutMs} ms; it is killed`,
      );
      child.kill('SIGKILL');
    }, timeoutMs);
    try {
      this.#send(child, { ...message, requestId });
      await answer;
    } finally {
      clearTimeout(hung);
    }
  }

  #sendEndpoints(): void {
    if (this.#child === undefined || this.#endpoints === undefined) return;
    this.#send(this.#child, { type: 'configure', ...this.#endpoints });
  }

  /** A channel that closed meanwhile is followed by `exit`, which settles everything. */
  #send(child: ChildProcess, message: ControlMessage | StartMessage): void {
    if (child.connected) child.send(message, () => undefined);
  }
}

function stoppedError(): SluiceError {
  return new SluiceError('cancelled', 'the agent stops');
}
