import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { ControlMessage, ScoringMessage, ScoringStart } from '../../agent/supervise/control-protocol.ts';
import { scoringEnvironment, scoringNodeOptions } from '../../agent/supervise/scoring-environment.ts';
import { repositoryPath } from '../support/paths.ts';

const entry = repositoryPath('programs', 'agent', 'scoring', 'main.js');
const KiB = 1024;

/** What the process holds of the system; undefined where there is no /proc. */
export interface Held {
  residentMiB: number;
  files: number;
  threads: number;
}

/** The scoring process as an agent runs it: a child that does what it is told over IPC. */
export class SoakedProcess {
  readonly #child: ChildProcess;
  readonly #messages: ScoringMessage[] = [];
  #arrived: (() => void) | undefined;
  #requestId = 0;

  constructor(options: { blobRoot: string; configuration: string }) {
    const start: ScoringStart = {
      host: '127.0.0.1',
      port: 0,
      blobRoot: options.blobRoot,
      npu: { kind: 'simulator', configuration: options.configuration },
      logLevel: 'warn',
    };
    // As the supervisor of a device starts it.
    this.#child = fork(entry, [JSON.stringify(start)], {
      execArgv: [...scoringNodeOptions],
      env: scoringEnvironment(process.env),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message: ScoringMessage) => {
      this.#messages.push(message);
      this.#arrived?.();
    });
    this.#child.on('exit', () => this.#arrived?.());
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The port it listens on. */
  async listening(): Promise<number> {
    const message = await this.#next(({ type }) => type === 'listening');
    return (message as Extract<ScoringMessage, { type: 'listening' }>).port ?? 0;
  }

  /** Serves an image under a name, in place of the one before. Throws when it is refused. */
  async activate(deployment: string, image: string): Promise<void> {
    const requestId = ++this.#requestId;
    const message: ControlMessage = { type: 'activate', requestId, deployment, image };
    this.#child.send(message);
    const answer = await this.#next((each) => 'requestId' in each && each.requestId === requestId);
    if (answer.type === 'rejected') throw new Error(`image refused: ${answer.error.message}`);
  }

  held(): Held | undefined {
    const folder = `/proc/${this.#child.pid}`;
    if (!existsSync(folder)) return undefined;
    const status = readFileSync(`${folder}/status`, 'utf8');
    const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
    return {
      residentMiB: Math.round(field('VmRSS') / KiB),
      files: readdirSync(`${folder}/fd`).length,
      threads: field('Threads'),
    };
  }

  /** Tells it to stop; gives the exit code. */
  async stop(): Promise<number | null> {
    if (!this.isRunning) return this.#child.exitCode;
    const exited = once(this.#child, 'exit');
    this.#child.send({ type: 'stop' } satisfies ControlMessage);
    const [code] = (await exited) as [number | null];
    return code;
  }

  /** Ends it at once, if it runs. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #next(isWanted: (message: ScoringMessage) => boolean): Promise<ScoringMessage> {
    for (;;) {
      const index = this.#messages.findIndex(isWanted);
      const [message] = index < 0 ? [] : this.#messages.splice(index, 1);
      if (message !== undefined) return message;
      const failed = this.#messages.find(({ type }) => type === 'failed');
      if (failed !== undefined || !this.isRunning) {
        throw new Error(`the scoring process ended: ${JSON.stringify(failed ?? 'no reason given')}`);
      }
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}
