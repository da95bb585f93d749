import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { agentLimits } from '../../agent/agent-limits.ts';
import { systemClock } from '../../agent/clock.ts';
import { ScoringProcess } from '../../agent/supervise/scoring-process.ts';
import { scoringEntry, spawnScoring, toldLater } from '../../agent/supervise/spawn-scoring.ts';
import { temporaryFolder } from '../support/paths.ts';
import { silentLogger } from '../support/workspace-fixture.ts';

function spawned(): ChildProcess {
  const child = spawnScoring(scoringEntry, toldLater);
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

function scoringWith(child: ChildProcess): ScoringProcess {
  const scoring = new ScoringProcess({
    entry: scoringEntry,
    start: { host: '127.0.0.1', port: 0, blobRoot: temporaryFolder(), npu: null, logLevel: 'error' },
    spawned: child,
    clock: systemClock,
    limits: agentLimits,
    logger: silentLogger,
    onListening: () => undefined,
    onDown: () => undefined,
    onConfigured: () => undefined,
    onProcessDied: () => undefined,
  });
  onTestFinished(() => scoring.stop());
  return scoring;
}

describe('a scoring process that was started before it was known how', () => {
  it('is told what to do, and serves', async () => {
    const child = spawned();
    const scoring = scoringWith(child);
    const { port } = await scoring.start();
    const response = await fetch(`http://127.0.0.1:${port}/v2/health/live`);
    expect(await response.json()).toMatchObject({ live: true });
    expect(child.exitCode).toBeNull();
    await scoring.stop();
    expect(child.exitCode).toBe(0);
  });

  it('hears what it is told right behind that', async () => {
    const child = spawned();
    const start = { host: '127.0.0.1', port: 0, blobRoot: temporaryFolder(), npu: null, logLevel: 'error' };
    const ended = once(child, 'exit');
    child.send({ type: 'start', argument: JSON.stringify(start) });
    child.send({ type: 'stop' });
    expect(await ended).toEqual([0, null]);
  });

  it('is followed by another when it is gone already', async () => {
    const child = spawned();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { port } = await scoringWith(child).start();
    expect((await fetch(`http://127.0.0.1:${port}/v2/health/live`)).status).toBe(200);
  });

  it('ends when nobody needs it, or who started it is gone', async () => {
    const [unneeded, orphan] = [spawned(), spawned()];
    const ends = Promise.all([unneeded, orphan].map((child) => once(child, 'exit')));
    await scoringWith(unneeded).stop();
    orphan.disconnect();
    expect(await ends).toEqual([
      [null, 'SIGKILL'],
      [0, null],
    ]);
  });
});
