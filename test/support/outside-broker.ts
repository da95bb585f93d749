import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { onTestFinished } from 'vitest';
import { listen } from '../../workspace/network.ts';
import { temporaryFolder } from './paths.ts';

/** A broker that is not the workspace's: it knows nothing of devices, and can be cut off and come back. */
export interface OutsideBroker {
  url: string;
  /** Drops every connection and takes none until `resume`. */
  interrupt(): Promise<void>;
  resume(): Promise<void>;
}

/** aedes as anybody would start it. */
export async function startPlainAedes(): Promise<OutsideBroker> {
  const broker = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  let server: Server;
  const open = async (port: number): Promise<number> => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      broker.handle(socket);
    });
    return listen(server, { host: '127.0.0.1', port, flag: '' });
  };
  const interrupt = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const port = await open(0);
  onTestFinished(async () => {
    if (server.listening) await interrupt();
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  });
  return {
    url: `mqtt://127.0.0.1:${port}`,
    interrupt,
    resume: async () => {
      await open(port);
    },
  };
}

/** Whether Debian's mosquitto is installed. */
export function mosquittoInstalled(): boolean {
  try {
    execFileSync('mosquitto', ['-h'], { stdio: 'ignore' });
    return true;
  } catch (thrown) {
    // Its help ends with a code other than 0; only a missing file means that it is not there.
    return !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT');
  }
}

/** Mosquitto with these lines of configuration beside its listener. */
export async function startMosquitto(configuration: readonly string[]): Promise<OutsideBroker> {
  const probe = createServer();
  const port = await listen(probe, { host: '127.0.0.1', port: 0, flag: '' });
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  const file = join(temporaryFolder(), 'mosquitto.conf');
  writeFileSync(file, [`listener ${port} 127.0.0.1`, ...configuration, ''].join('\n'));
  let child: ChildProcess | undefined;
  const interrupt = async () => {
    const running = child;
    child = undefined;
    if (running === undefined) return;
    const gone = once(running, 'exit');
    running.kill('SIGKILL');
    await gone;
  };
  const resume = async () => {
    const started = spawn('mosquitto', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    await new Promise<void>((resolve, reject) => {
      started.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}`)));
      started.stderr.on('data', (text: Buffer) => {
        if (text.includes('running')) resolve();
      });
    });
  };
  onTestFinished(interrupt);
  await resume();
  return { url: `mqtt://127.0.0.1:${port}`, interrupt, resume };
}
