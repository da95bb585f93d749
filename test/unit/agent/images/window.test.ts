import { describe, expect, it } from 'vitest';
import { DelayWindow } from '../../../../agent/images/window.ts';
import { limits } from '../../../../contract/limits.ts';

function window(): DelayWindow {
  return new DelayWindow({ targetDelayMs: 200, chunksMin: 2 });
}

describe('DelayWindow', () => {
  it('grows by one chunk an arrival while the link has room, up to its largest', () => {
    const grown = window();
    grown.onArrival(20);
    expect(grown.chunks).toBe(3);
    for (let count = 0; count < 1_000; count += 1) grown.onArrival(20);
    expect(grown.chunks).toBe(limits.blobWindowChunksMax);
  });

  it('settles where the queueing delay is the target', () => {
    // A link with 100 ms of path and 10 ms a chunk: window W queues (10 W - 100) ms.
    const settled = window();
    settled.onArrival(100);
    for (let count = 0; count < 20_000; count += 1)
      settled.onArrival(100 + Math.max(0, settled.chunks * 10 - 100));
    expect(settled.chunks).toBeGreaterThanOrEqual(28);
    expect(settled.chunks).toBeLessThanOrEqual(32);
  });

  it('shrinks on delay and on loss, never below its smallest', () => {
    const shrunk = window();
    for (let count = 0; count < 100; count += 1) shrunk.onArrival(10);
    const before = shrunk.chunks;
    shrunk.onLoss();
    expect(shrunk.chunks).toBe(Math.floor(before / 2));
    for (let count = 0; count < 10_000; count += 1) shrunk.onArrival(5_000);
    expect(shrunk.chunks).toBe(2);
    shrunk.onLoss();
    expect(shrunk.chunks).toBe(2);
  });
});
