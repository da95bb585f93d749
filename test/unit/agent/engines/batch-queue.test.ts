import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BatchLimits } from '../../../../agent/engines/batch-limits.ts';
import { type BatchMember, BatchQueue, type FinishedRun } from '../../../../agent/engines/batch-queue.ts';
import { WorkQueue } from '../../../../agent/engines/work-queue.ts';
import { SluiceError } from '../../../../contract/errors.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const runMs = 10;

/** Requests are lists of texts, one an item; a run gives them in capitals and fails over what is called `bad`. */
function batchesOf(options: { limits?: Partial<BatchLimits>; lanes?: string[]; depthMax?: number } = {}) {
  const nowMs = () => performance.now();
  const queue = new WorkQueue<string, BatchMember<string[]>>({
    what: 'test',
    depthMax: options.depthMax ?? 16,
    nowMs,
  });
  const runs: string[] = [];
  const finished: Omit<FinishedRun<string[]>, 'output'>[] = [];
  const batches = new BatchQueue<string, string[], string[]>({
    queue,
    nowMs,
    batchable: {
      keyOf: ([first = '']) => (/^\d/.test(first) ? 'digits' : 'letters'),
      itemsOf: (texts) => texts.length,
      bytesOf: (texts) => texts.join('').length,
      merge: (requests) => requests.flat(),
      run: async (_lane, texts) => {
        runs.push(texts.join(' '));
        await new Promise((resolve) => setTimeout(resolve, runMs));
        if (texts.includes('bad')) throw new SluiceError('engine_failed', 'on purpose');
        if (texts.includes('dead')) throw new SluiceError('device_fault', 'on purpose');
        return texts.map((text) => text.toUpperCase());
      },
      split: (texts, items) => {
        let end = 0;
        return items.map((count) => {
          end += count;
          return texts.slice(end - count, end);
        });
      },
    },
    onRun: ({ output: _output, ...run }) => finished.push(run),
  });
  batches.limits = { itemsMax: 4, bytesMax: 100, delayMs: 0, preferredItems: [], ...options.limits };
  for (const lane of options.lanes ?? ['a']) queue.addLane(lane);
  return { queue, batches, runs, finished };
}

describe('BatchQueue', () => {
  it('runs a lone request at once, and together what waits meanwhile, up to the limit', async () => {
    const { batches, runs, finished } = batchesOf();
    const answers = ['a', 'b', 'c', 'd', 'e', 'f'].map((text) => batches.submit([text]));
    expect(runs).toEqual(['a']);
    await vi.runAllTimersAsync();
    expect(await Promise.all(answers)).toEqual([['A'], ['B'], ['C'], ['D'], ['E'], ['F']]);
    expect(runs).toEqual(['a', 'b c d e', 'f']);
    expect(finished.map(({ requests, items }) => [requests, items])).toEqual([
      [1, 1],
      [4, 4],
      [1, 1],
    ]);
  });

  it('counts the requests of a run as running, and none when it is over, however it ended', async () => {
    const { batches, queue } = batchesOf();
    const leaving = new AbortController();
    const requests = ['a', 'b', 'bad', 'd'].map((text) =>
      batches.submit([text], text === 'd' ? { signal: leaving.signal } : {}).catch(({ code }) => code),
    );
    expect(queue.load).toEqual({ depth: 3, running: 1, lanes: 1 });
    await vi.advanceTimersByTimeAsync(runMs);
    expect(queue.load).toEqual({ depth: 0, running: 3, lanes: 1 });
    leaving.abort();
    await vi.runAllTimersAsync();
    expect(await Promise.all(requests)).toEqual([['A'], ['B'], 'engine_failed', 'cancelled']);
    expect(queue.load).toEqual({ depth: 0, running: 0, lanes: 1 });
    expect(queue.expectedMs()).toBe(runMs);
  });

  it('uses every free lane before it merges', async () => {
    const { batches, runs } = batchesOf({ lanes: ['a', 'b'] });
    const answers = ['a', 'b', 'c', 'd'].map((text) => batches.submit([text]));
    expect(runs).toEqual(['a', 'b']);
    await vi.runAllTimersAsync();
    await Promise.all(answers);
    expect(runs).toEqual(['a', 'b', 'c d']);
  });

  it('merges only what is alike, and nobody overtakes a request that has no place any more', async () => {
    const { batches, runs } = batchesOf();
    const requests = [
      ['a'],
      ['b'],
      ['1'],
      ['c', 'd'],
      ['e', 'f'],
      ['g'],
      ['2'],
      ['h', 'i', 'j', 'k', 'l'],
      ['m'],
    ];
    const answers = requests.map((texts) => batches.submit(texts));
    await vi.runAllTimersAsync();
    expect(await Promise.all(answers)).toEqual(
      requests.map((texts) => texts.map((text) => text.toUpperCase())),
    );
    expect(runs).toEqual(['a', 'b c d', '1 2', 'e f g', 'h i j k l', 'm']);
  });

  it('stops at the bytes that may be copied', async () => {
    const { batches, runs } = batchesOf({ limits: { bytesMax: 10 } });
    const answers = ['a', 'bbbbbb', 'cccc', 'd'].map((text) => batches.submit([text]));
    await vi.runAllTimersAsync();
    await Promise.all(answers);
    expect(runs).toEqual(['a', 'bbbbbb cccc', 'd']);
  });

  it('lets the urgent lead, and cuts down to a preferred size', async () => {
    const { batches, runs } = batchesOf({ limits: { preferredItems: [2, 3] } });
    const answers = ['a', 'b', 'c', 'd'].map((text) => batches.submit([text]));
    answers.push(batches.submit(['urgent'], { priority: 1 }), batches.submit(['last'], { priority: 9 }));
    await vi.runAllTimersAsync();
    await Promise.all(answers);
    expect(runs).toEqual(['a', 'urgent b c', 'd last']);
  });

  it('leaves out who has left or is late, and serves the others', async () => {
    const { batches, runs } = batchesOf();
    const leaving = new AbortController();
    const running = batches.submit(['a']);
    const left = batches.submit(['left'], { signal: leaving.signal });
    const late = batches.submit(['late'], { deadlineMs: performance.now() + runMs - 1 });
    const others = ['b', 'c'].map((text) => batches.submit([text]));
    const refused = [
      expect(left).rejects.toMatchObject({ code: 'cancelled' }),
      expect(late).rejects.toMatchObject({ code: 'deadline_passed' }),
    ];
    leaving.abort();
    await vi.runAllTimersAsync();
    await Promise.all(refused);
    expect(await Promise.all([running, ...others])).toEqual([['A'], ['B'], ['C']]);
    expect(runs).toEqual(['a', 'b c']);
  });

  it('answers the others when one leaves during their run, whoever led it', async () => {
    const { batches, runs } = batchesOf();
    const leaving = new AbortController();
    const running = batches.submit(['a']);
    const left = batches.submit(['leader'], { signal: leaving.signal });
    const refused = expect(left).rejects.toMatchObject({ code: 'cancelled' });
    const other = batches.submit(['b']);
    await vi.advanceTimersByTimeAsync(runMs + 1);
    expect(runs).toEqual(['a', 'leader b']);
    leaving.abort();
    await vi.runAllTimersAsync();
    await refused;
    expect(await Promise.all([running, other])).toEqual([['A'], ['B']]);
  });

  it('runs each request of a failing batch alone, once', async () => {
    const { batches, runs } = batchesOf();
    const answers = ['a', 'b', 'bad', 'c'].map((text) => batches.submit([text]));
    const refused = expect(answers[2]).rejects.toMatchObject({ code: 'engine_failed' });
    await vi.runAllTimersAsync();
    await refused;
    expect(await Promise.all([answers[0], answers[1], answers[3]])).toEqual([['A'], ['B'], ['C']]);
    expect(runs).toEqual(['a', 'b bad c', 'b', 'bad', 'c'].sort(byRun(runs)));
    expect(runs.length).toBe(5);
  });

  it('does not repeat what is no fault of a request', async () => {
    const { batches, runs } = batchesOf();
    const answers = ['a', 'b', 'dead'].map((text) => batches.submit([text]));
    const refused = answers
      .slice(1)
      .map((each) => expect(each).rejects.toMatchObject({ code: 'device_fault' }));
    await vi.runAllTimersAsync();
    await Promise.all(refused);
    expect(runs).toEqual(['a', 'b dead']);
  });

  it('lets the requests of a failed batch in again although the queue is full', async () => {
    const { batches } = batchesOf({ depthMax: 3 });
    const answers = ['a', 'b', 'bad', 'c'].map((text) => batches.submit([text]));
    const refused = expect(answers[2]).rejects.toMatchObject({ code: 'engine_failed' });
    await vi.advanceTimersByTimeAsync(runMs + 1);
    const later = ['d', 'e', 'f'].map((text) => batches.submit([text]));
    await expect(batches.submit(['g'])).rejects.toMatchObject({ code: 'queue_full' });
    await vi.runAllTimersAsync();
    await refused;
    expect(await Promise.all([answers[1], answers[3], ...later])).toEqual([
      ['B'],
      ['C'],
      ['D'],
      ['E'],
      ['F'],
    ]);
  });

  it('counts waiting, computing and estimates by batches', async () => {
    const { batches, queue } = batchesOf();
    const phases = { queueMs: 0, computeMs: 0 };
    const answers = ['a', 'b'].map((text) => batches.submit([text]));
    answers.push(batches.submit(['c'], { phases }));
    await vi.runAllTimersAsync();
    await Promise.all(answers);
    expect(phases).toEqual({ queueMs: runMs, computeMs: runMs });
    // One runs and five wait: four of these go together, then the next one's run of two.
    const more = ['1', '2', '3', '4', '5', '6'].map((text) => batches.submit([text]));
    expect(queue.expectedMs()).toBe(runMs + 2 * 2 * runMs);
    await vi.runAllTimersAsync();
    await Promise.all(more);
    expect(queue.expectedMs()).toBe(runMs);
  });
});

describe('a delay', () => {
  const limits = { delayMs: 5 };

  it('lets a request wait for others, on one lane, until the batch is full', async () => {
    const { batches, runs } = batchesOf({ limits, lanes: ['a', 'b'] });
    const answers = [batches.submit(['a'])];
    await vi.advanceTimersByTimeAsync(4);
    answers.push(batches.submit(['b', 'c']));
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual([]);
    answers.push(batches.submit(['d']));
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual(['a b c d']);
    await vi.runAllTimersAsync();
    expect(await Promise.all(answers)).toEqual([['A'], ['B', 'C'], ['D']]);
  });

  it('ends by itself, and is no computing time', async () => {
    const { batches, runs } = batchesOf({ limits });
    const phases = { queueMs: 0, computeMs: 0 };
    const answer = batches.submit(['a'], { phases });
    await vi.advanceTimersByTimeAsync(4);
    expect(runs).toEqual([]);
    await vi.runAllTimersAsync();
    expect(await answer).toEqual(['A']);
    expect(phases).toEqual({ queueMs: 5, computeMs: runMs });
  });

  it('ends at a preferred size', async () => {
    const { batches, runs } = batchesOf({ limits: { ...limits, preferredItems: [2] } });
    const answers = ['a', 'b'].map((text) => batches.submit([text]));
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual(['a b']);
    await vi.runAllTimersAsync();
    await Promise.all(answers);
  });

  it('never outlasts a deadline', async () => {
    const { batches, runs } = batchesOf({ limits: { delayMs: 1_000 } });
    const warmUp = batches.submit(['warm', 'up', 'of', 'four']);
    await vi.runAllTimersAsync();
    await warmUp;
    const answer = batches.submit(['a'], { deadlineMs: performance.now() + runMs + 5 });
    await vi.advanceTimersByTimeAsync(2);
    expect(runs.length).toBe(1);
    await vi.advanceTimersByTimeAsync(runMs + 1);
    expect(await answer).toEqual(['A']);
  });

  it('gives a free lane to what the batch had no place for', async () => {
    const { batches, runs } = batchesOf({ limits, lanes: ['a', 'b'] });
    const answers = [batches.submit(['a', 'b', 'c']), batches.submit(['d', 'e'])];
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toEqual(['a b c']);
    await vi.advanceTimersByTimeAsync(5);
    expect(runs).toEqual(['a b c', 'd e']);
    await vi.runAllTimersAsync();
    await Promise.all(answers);
  });
});

/** Orders the retries as they came; which of them that was is no promise. */
function byRun(runs: readonly string[]): (left: string, right: string) => number {
  return (left, right) => runs.indexOf(left) - runs.indexOf(right);
}
