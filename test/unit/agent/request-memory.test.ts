import { describe, expect, it } from 'vitest';
import { LentOutputs, withRoomBefore } from '../../../agent/engines/lent-outputs.ts';
import { freeMemory, isInUse, ownedByRequest, whileInUse } from '../../../agent/request-memory.ts';

const KiB = 1024;
const limits = { outputBuffersBytesMax: 1024 * KiB, buffersIdleMs: 60_000 };

describe('memory of a request', () => {
  it('is freed once, and only where the request owns it', () => {
    const owned = ownedByRequest(new Uint8Array(64 * KiB));
    const other = new Uint8Array(64 * KiB);
    for (const data of [owned, owned, other]) freeMemory(data);
    expect([owned.length, other.length]).toEqual([0, 64 * KiB]);
  });

  it('is not freed by a view of it', () => {
    const owned = ownedByRequest(new Uint8Array(64 * KiB));
    freeMemory(owned.subarray(0));
    expect(owned.length).toBe(64 * KiB);
  });

  it('stays while another thread reads it, as often as it is read', async () => {
    const owned = ownedByRequest(new Uint8Array(64 * KiB));
    const ends: (() => void)[] = [];
    const runs = [owned, owned.subarray(8)].map((view) =>
      whileInUse([view], () => new Promise<void>((resolve) => ends.push(resolve))),
    );
    ends.shift()?.();
    await runs[0];
    freeMemory(owned);
    expect([isInUse(owned), owned.length]).toEqual([true, 64 * KiB]);
    ends.shift()?.();
    await runs[1];
    expect(isInUse(owned)).toBe(false);
    freeMemory(owned);
    expect(owned.length).toBe(0);
  });

  it('is no longer in use when the run fails', async () => {
    const data = new Uint8Array(8);
    const failing = whileInUse([data], () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(isInUse(data)).toBe(false);
  });
});

describe('outputs that are lent', () => {
  it('are given to the next request when they are freed, and not before', () => {
    const lent = new LentOutputs(limits);
    const first = lent.lend(100 * KiB) as Uint8Array;
    const second = lent.lend(100 * KiB) as Uint8Array;
    expect(second.buffer).not.toBe(first.buffer);
    freeMemory(first);
    freeMemory(first);
    const [third, fourth] = [lent.lend(100 * KiB), lent.lend(100 * KiB)];
    expect(third?.buffer).toBe(first.buffer);
    expect(fourth?.buffer).not.toBe(first.buffer);
    expect(third?.length).toBe(100 * KiB);
  });

  it('have room for the head of an answer in front, as long as they are lent', () => {
    const data = new LentOutputs(limits).lend(64 * KiB) as Uint8Array;
    data.fill(7);
    const answer = withRoomBefore(data, 5);
    answer?.set([1, 2, 3, 4, 5]);
    expect([...(answer?.subarray(0, 6) ?? [])]).toEqual([1, 2, 3, 4, 5, 7]);
    expect(answer?.length).toBe(64 * KiB + 5);
    expect(withRoomBefore(data, 5 * KiB)).toBeUndefined();
    expect(withRoomBefore(data.subarray(0), 5)).toBeUndefined();
    freeMemory(data);
    expect(withRoomBefore(data, 5)).toBeUndefined();
  });

  it('are not lent where they are small', () => {
    expect(new LentOutputs(limits).lend(10 * KiB)).toBeUndefined();
  });
});
