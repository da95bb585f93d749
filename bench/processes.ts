import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ScoringMessage, ScoringStart } from '../agent/supervise/control-protocol.ts';
import { type Contender, compare, type Measurement } from './measure.ts';

/** Connections that requests come on at once. */
const connections = 16;

/** What a contender is asked in one call. */
interface Load {
  requests: number;
  keepAlive: boolean;
  body?: string;
}

const health: Load = { requests: 200, keepAlive: true };
const hasty: Load = { ...health, keepAlive: false };
/** Long enough for reading it to take milliseconds of the process; the index of models ignores what it does not know. */
const numbers: Load = {
  requests: 16,
  keepAlive: true,
  body: JSON.stringify({ numbers: Array.from({ length: 100_000 }, (_, index) => index / 7) }),
};

interface Running {
  child: ChildProcess;
  port: number;
  socketPath: string;
}

/**
 * What several scoring processes, and a Unix-domain socket, change. A health check is the smallest request, so that
 * all of the work is HTTP; with a connection a request each also pays for being handed to a process. Large bodies are
 * read by the process, which is what a single one can be busy with.
 */
export async function benchProcesses(): Promise<Record<string, Measurement[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const running: Running[] = [];
  try {
    for (const processes of [1, 2]) running.push(await start(folder, processes));
    const [one, two] = running;
    if (one === undefined || two === undefined) throw new Error('two set-ups are compared');
    const options = { rounds: 5, callsPerRound: 1 };
    return {
      '200 health checks, kept connections': await compare(contenders(one, two, health), options),
      '200 health checks, a connection each': await compare(contenders(one, two, hasty), options),
      '16 bodies of 100,000 numbers': await compare(contenders(one, two, numbers), options),
    };
  } finally {
    for (const { child } of running) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
}

function contenders(one: Running, two: Running, what: Load): Contender[] {
  return [
    { name: '1 process, TCP', where: { port: one.port } },
    { name: '2 processes, TCP', where: { port: two.port } },
    { name: '1 process, Unix-domain socket', where: { socketPath: one.socketPath } },
    { name: '2 processes, Unix-domain socket', where: { socketPath: two.socketPath } },
  ].map(({ name, where }) => ({ name, run: () => load(where, what) }));
}

async function start(folder: string, processes: number): Promise<Running> {
  const socketPath = join(folder, `${processes}.sock`);
  const argument: ScoringStart = {
    host: '127.0.0.1',
    port: 0,
    listeners: { socket: { path: socketPath, mode: 0o600 } },
    processes,
    blobRoot: folder,
    npu: null,
    logLevel: 'error',
  };
  const entry = new URL(
    `../../programs/agent/scoring/${processes > 1 ? 'cluster/' : ''}main.js`,
    import.meta.url,
  );
  const child = fork(fileURLToPath(entry), [JSON.stringify(argument)]);
  const port = await new Promise<number>((resolve, reject) => {
    child.on('message', (message: ScoringMessage) => {
      if (message.type === 'listening') resolve(message.port ?? 0);
      if (message.type === 'failed') reject(new Error(message.error.message));
    });
  });
  return { child, port, socketPath };
}

async function load(where: object, { requests, keepAlive, body }: Load): Promise<void> {
  const agent = new Agent({ keepAlive, maxSockets: connections });
  const what =
    body === undefined ? { path: '/v2/health/live' } : { path: '/v2/repository/index', method: 'POST' };
  let left = requests;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await call({ host: '127.0.0.1', ...where, ...what, agent }, body);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  agent.destroy();
}

function call(options: object, body: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      response.resume();
      response.on('end', resolve);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
