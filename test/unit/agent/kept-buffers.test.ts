import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeptBuffers } from '../../../agent/kept-buffers.ts';
import { releaseMemory } from '../../../native/release-memory.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const KiB = 1024;
const buffersOf = (bytes: number): KeptBuffers => new KeptBuffers({ bytesMax: bytes, idleMs: 1_000 });

describe('buffers of bodies', () => {
  it('are given out again for a body of about the same size', () => {
    const buffers = buffersOf(1024 * KiB);
    const first = buffers.take(100 * KiB);
    expect(first.length).toBe(128 * KiB);
    expect(buffers.take(100 * KiB)).not.toBe(first);
    buffers.give(first);
    expect(buffers.take(200 * KiB)).not.toBe(first);
    expect(buffers.take(128 * KiB)).toBe(first);
  });

  it('are no more than the limit, and none when nobody asks for long', () => {
    const buffers = buffersOf(256 * KiB);
    const taken = [1, 2, 3].map(() => buffers.take(128 * KiB));
    for (const each of taken) buffers.give(each);
    const again = [1, 2, 3].map(() => buffers.take(128 * KiB));
    expect(taken.filter((each) => again.includes(each)).length).toBe(2);
    for (const each of again) buffers.give(each);
    vi.advanceTimersByTime(1_000);
    expect(again).not.toContain(buffers.take(128 * KiB));
  });

  it('of small bodies are not kept', () => {
    const buffers = buffersOf(256 * KiB);
    const small = buffers.take(1 * KiB);
    expect(small.length).toBe(1 * KiB);
    buffers.give(small);
    expect(buffers.take(1 * KiB)).not.toBe(small);
  });
});

describe('memory that is released', () => {
  it('is gone from every view of it, and only where nobody shares it', () => {
    const whole = new Uint8Array(64 * KiB);
    releaseMemory(whole);
    releaseMemory(whole);
    expect(whole.length).toBe(0);
    const shared = new Uint8Array(64 * KiB);
    releaseMemory(shared.subarray(0, 32 * KiB));
    expect(shared.length).toBe(64 * KiB);
    const small = new Uint8Array(100);
    releaseMemory(small);
    expect(small.length).toBe(100);
  });
});
