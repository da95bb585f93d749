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

const command = fileURLToPath(new URL('../../../programs/cli/main.js', import.meta.url));
const requestUrl = new URL('../../../samples/fashion/infer.json', import.meta.url);
const starts = 5;
/** After so long a device that nobody asks has done what it had to. */
const settleMs = 5_000;
/** Asking more often would take a part of the processors that the start needs. */
const pollMs = 20;
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
    let resident: Resident = { ownBytes: Number.NaN, sharedBytes: Number.NaN, processesBytes: Number.NaN };
    for (let start = 0; start < starts; start += 1) {
      const startedMs = performance.now();
      const agent = sluice(state, ['agent', 'start', '--device', localDevice, '--port', String(port)]);
      await answerOf(url, body);
      startsMs.push(performance.now() - startedMs);
      if (start === 0) {
        await setTimeout(settleMs);
        resident = await residentOf(await processesOf(agent.pid ?? 0));
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
        name: 'resident memory of control and scoring process together, idle, no page counted twice',
        measured: (resident.ownBytes + resident.sharedBytes) / 1e6,
        unit: 'MB',
        target: 160,
        wants: 'at most',
        details: {
          'of it programs and libraries': resident.sharedBytes / 1e6,
          'the sum of both': resident.processesBytes / 1e6,
        },
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

/** Resident memory of some processes, in bytes. */
interface Resident {
  /** Of no file, in all of them. */
  ownBytes: number;
  /** Pages of files: of a file that several map, those of the process that has most of it. */
  sharedBytes: number;
  /** What the processes say each for itself, added up: shared pages count in every one. */
  processesBytes: number;
}

/** A process and those that it started; none where there is no /proc. */
async function processesOf(pid: number): Promise<number[]> {
  const pids = [pid];
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const children = await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '');
    for (const child of children.split(' ').filter(Boolean)) pids.push(...(await processesOf(Number(child))));
  }
  return pids;
}

async function residentOf(pids: readonly number[]): Promise<Resident> {
  const resident: Resident = { ownBytes: 0, sharedBytes: 0, processesBytes: 0 };
  const most = new Map<string, number>();
  for (const pid of pids) {
    const files = new Map<string, number>();
    let file = '';
    for (const line of (await readFile(`/proc/${pid}/smaps`, 'utf8').catch(() => '')).split('\n')) {
      const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line);
      if (mapping !== null) file = mapping[1]?.startsWith('/') ? mapping[1] : '';
      const [, kind, kB] = /^(Rss|Anonymous): +(\d+) kB$/.exec(line) ?? [];
      const bytes = Number(kB) * 1024;
      // Pages of a file that the process has written to are its own.
      if (kind === 'Anonymous') {
        resident.ownBytes += bytes;
        if (file !== '') files.set(file, (files.get(file) ?? 0) - bytes);
      } else if (kind === 'Rss') {
        resident.processesBytes += bytes;
        if (file !== '') files.set(file, (files.get(file) ?? 0) + bytes);
      }
    }
    for (const [path, bytes] of files) most.set(path, Math.max(bytes, most.get(path) ?? 0));
  }
  for (const bytes of most.values()) resident.sharedBytes += bytes;
  return resident.processesBytes === 0
    ? { ownBytes: Number.NaN, sharedBytes: Number.NaN, processesBytes: Number.NaN }
    : resident;
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
