import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import type { ControlMessage, ScoringMessage, ScoringStart } from '../../agent/supervise/control-protocol.ts';
import { BlobStore } from '../../base/blob-store.ts';
import { repositoryPath, temporaryFolder } from './paths.ts';

/** A scoring process, started as its control process starts it. */
export interface ForkedScoring {
  child: ChildProcess;
  blobs: BlobStore;
  /** The next message of a kind. */
  next<Type extends ScoringMessage['type']>(type: Type): Promise<Extract<ScoringMessage, { type: Type }>>;
  /** What it has said and nobody has asked for. */
  unread: readonly ScoringMessage[];
  tell(message: ControlMessage): void;
  exited: Promise<number | null>;
  /** What it has logged, line by line. */
  log: { msg: string; [field: string]: unknown }[];
}

/** Starts the scoring process, or with `processes` the primary of several; it is killed when the test ends. */
export async function startForked(options: Partial<ScoringStart> = {}): Promise<ForkedScoring> {
  const blobRoot = temporaryFolder();
  const blobs = new BlobStore(blobRoot);
  await blobs.start();
  const argument: ScoringStart = {
    host: '127.0.0.1',
    port: 0,
    blobRoot,
    npu: { kind: 'simulator', configuration: 'kv260-m' },
    logLevel: 'silent',
    ...options,
  };
  const folder = options.processes === undefined ? [] : ['cluster'];
  const entry = repositoryPath('programs', 'agent', 'scoring', ...folder, 'main.js');
  const child = fork(entry, [JSON.stringify(argument)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const messages: ScoringMessage[] = [];
  const waiters: (() => void)[] = [];
  child.on('message', (message) => {
    messages.push(message as ScoringMessage);
    for (const waiter of waiters.splice(0)) waiter();
  });
  const next: ForkedScoring['next'] = async (type) => {
    for (;;) {
      const index = messages.findIndex((message) => message.type === type);
      if (index >= 0) return messages.splice(index, 1)[0] as never;
      await new Promise<void>((resolve) => waiters.push(resolve));
    }
  };
  const log = readLog(child);
  return { child, blobs, next, unread: messages, tell: (message) => child.send(message), exited, log };
}

function readLog(child: ChildProcess): ForkedScoring['log'] {
  const log: ForkedScoring['log'] = [];
  let rest = '';
  child.stderr?.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) log.push(JSON.parse(line) as ForkedScoring['log'][number]);
      else process.stderr.write(`${line}\n`);
    }
  });
  return log;
}
