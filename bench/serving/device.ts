import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { localDevice } from '../../cli/local-fleet.ts';
import type { Claim } from './claim.ts';

const command = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const requestUrl = new URL('../../../samples/fashion/infer.json', import.meta.url);
const starts = 5;
/** After so long a device that nobody asks has done what it had to. */
const settleMs = 5_000;
const pollMs = 5;
const givenUpMs = 120_000;

/** How soon a device answers whose image is on disk, and what memory both its processes take when nobody asks. */
export async function device(): Promise<Claim[]> {
  const state = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  try {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/v2/models/fashion/infer`;
    const body = await readFile(requestUrl);
    const fleet = sluice(state, ['up', '--port', String(port)]);
    await answerOf(url, body);
    await stop(fleet);
    const startsMs: number[] = [];
    let residentBytes = Number.NaN;
    for (let start = 0; start < starts; start += 1) {
      const startedMs = performance.now();
      const agent = sluice(state, ['agent', 'start', '--device', localDevice, '--port', String(port)]);
      await answerOf(url, body);
      startsMs.push(performance.now() - startedMs);
      if (start === 0) {
        await setTimeout(settleMs);
        residentBytes = await residentBytesOf(agent.pid ?? 0);
      }
      await stop(agent);
    }
    startsMs.sort((left, right) => left - right);
    return [
      {
        name: 'start of the agent to its first answer, the image on disk',
        measured: (startsMs[Math.floor(starts / 2)] ?? Number.NaN) / 1000,
        unit: 's',
        target: 1.5,
        wants: 'at most',
        details: { 'fastest s': (startsMs[0] ?? Number.NaN) / 1000, starts },
      },
      {
        name: 'resident memory of control and scoring process, idle',
        measured: residentBytes / 1024 / 1024,
        unit: 'MiB',
        target: 160,
        wants: 'at most',
        details: {},
      },
    ];
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

function sluice(state: string, args: string[]): ChildProcess {
  return spawn(process.execPath, [command, '--state', state, ...args], { stdio: 'ignore' });
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  await gone;
}

/** Asks until the answer is 200. */
async function answerOf(url: string, body: Uint8Array): Promise<void> {
  const endMs = performance.now() + givenUpMs;
  while (performance.now() < endMs) {
    const response = await fetch(url, { method: 'POST', body: body as unknown as string }).catch(
      () => undefined,
    );
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await setTimeout(pollMs);
  }
  throw new Error(`no answer from ${url} in ${givenUpMs} ms`);
}

/** A process and those that it started; NaN where there is no /proc. */
async function residentBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  let bytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024;
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const children = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '');
    for (const child of children.split(' ').filter(Boolean)) bytes += await residentBytesOf(Number(child));
  }
  return bytes;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}
