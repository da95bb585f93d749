import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Reporter } from '../../../../agent/link/reporter.ts';
import { createLogger } from '../../../../base/logger.ts';
import type { ReportedDocument } from '../../../../contract/messages.ts';

function reporterOf(publish: (sequence: number) => Promise<void>): Reporter {
  let sequence = 0;
  const reporter = new Reporter({
    intervalMs: 20,
    logger: createLogger({ name: 'test', level: 'silent' }),
    build: async () => {
      sequence += 1;
      return { sequence } as ReportedDocument;
    },
    publish: (document) => publish(document.sequence),
  });
  onTestFinished(() => reporter.stop());
  return reporter;
}

describe('Reporter', () => {
  it('sends nothing before the link is there, and one document for many changes', async () => {
    const sent: number[] = [];
    const reporter = reporterOf(async (sequence) => void sent.push(sequence));
    for (let count = 0; count < 100; count += 1) reporter.request();
    await pause(40);
    expect(sent).toEqual([]);
    reporter.resume();
    await pause(60);
    expect(sent).toEqual([1]);
    for (let count = 0; count < 100; count += 1) reporter.request();
    await pause(60);
    expect(sent).toEqual([1, 2]);
  });

  it('has one publication under way, and sends once more what changed during it', async () => {
    const finish: (() => void)[] = [];
    const reporter = reporterOf(() => new Promise((resolve) => void finish.push(resolve)));
    reporter.resume();
    await pause(10);
    for (let count = 0; count < 10; count += 1) reporter.request();
    await pause(60);
    expect(finish).toHaveLength(1);
    finish[0]?.();
    await pause(60);
    expect(finish).toHaveLength(2);
  });

  it('goes on after a publication that failed', async () => {
    let tries = 0;
    const reporter = reporterOf(async () => {
      tries += 1;
      if (tries === 1) throw new Error('the link went away');
    });
    reporter.resume();
    await pause(40);
    reporter.pause();
    reporter.resume();
    await pause(60);
    expect(tries).toBe(2);
  });

  it('sends nothing after it stopped', async () => {
    let tries = 0;
    const reporter = reporterOf(async () => {
      tries += 1;
    });
    reporter.stop();
    reporter.resume();
    await pause(40);
    expect(tries).toBe(0);
  });
});
