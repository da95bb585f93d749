import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ControlMessage, ScoringMessage } from '../../agent/supervise/control-protocol.ts';
import { scoringEnvironment, scoringNodeOptions } from '../../agent/supervise/scoring-environment.ts';
import type { Digest } from '../../contract/names.ts';

/** A server in a process of its own. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface, port: number) {
    this.#child = child;
    this.#lines = lines;
    this.port = port;
  }

  /** Starts the scoring process on an image that lies in a blob store, as the deployment `bench`. */
  static async startSluice(options: { blobRoot: string; image: Digest }): Promise<ServerProcess> {
    const start = { host: '127.0.0.1', port: 0, blobRoot: options.blobRoot, npu: null, logLevel: 'error' };
    // As the supervisor of a device starts it.
    const child = forkModule('../../../programs/agent/scoring/main.js', [JSON.stringify(start)], {
      nodeOptions: scoringNodeOptions,
      env: scoringEnvironment(process.env),
    });
    const server = new ServerProcess(child, linesOf(child), await portOf(child));
    const activate: ControlMessage = {
      type: 'activate',
      requestId: 1,
      deployment: 'bench',
      image: options.image,
    };
    child.send(activate);
    const [message] = (await once(child, 'message')) as [ScoringMessage];
    if (message.type !== 'activated') throw new Error(`scoring process: ${JSON.stringify(message)}`);
    return server;
  }

  /** Starts one of bench/serving/peers on a model's file. */
  static async startPeer(name: 'fastify-json' | 'raw-http', modelPath: string): Promise<ServerProcess> {
    const child = forkModule(`./peers/${name}.js`, [modelPath]);
    return new ServerProcess(child, linesOf(child), await portOf(child));
  }

  /** Process id. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Milliseconds that the event loop was late, at the 99th percentile, since this was last asked. */
  async loopDelayMs(): Promise<number> {
    this.#child.kill('SIGUSR2');
    for (;;) {
      const [line] = (await once(this.#lines, 'line')) as [string];
      if (line.startsWith('loop-delay ')) return Number(line.slice('loop-delay '.length));
    }
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await gone;
  }
}

function forkModule(
  module: string,
  args: string[],
  { nodeOptions = [], env = process.env }: { nodeOptions?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  const preload = new URL('./loop-delay.js', import.meta.url).href;
  return fork(fileURLToPath(new URL(module, import.meta.url)), args, {
    execArgv: [...nodeOptions, '--import', preload],
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
}

function linesOf(child: ChildProcess): Interface {
  if (child.stdout === null) throw new Error('the child has no standard output');
  return createInterface(child.stdout);
}

async function portOf(child: ChildProcess): Promise<number> {
  const [message] = (await once(child, 'message')) as [{ type: string; port?: number }];
  if (message.type !== 'listening' || message.port === undefined) {
    throw new Error(`server: ${JSON.stringify(message)}`);
  }
  return message.port;
}
