import { describe, expect, it } from 'vitest';
import { GroupTime } from '../../../../agent/engines/group-time.ts';

describe('GroupTime', () => {
  it('knows nothing at first', () => {
    expect(new GroupTime().estimateMs(4)).toBe(0);
  });

  it('keeps runs of few and of many jobs apart', () => {
    const time = new GroupTime();
    time.record(1, 1);
    for (let run = 0; run < 100; run += 1) time.record(40, 32);
    expect(time.estimateMs(1)).toBe(1);
    expect(time.estimateMs(32)).toBe(40);
    expect(time.estimateMs(20)).toBe(40);
  });

  it('takes a size that never ran for as many of the next smaller, else for the smallest that did', () => {
    const time = new GroupTime();
    time.record(3, 2);
    expect(time.estimateMs(8)).toBe(12);
    expect(time.estimateMs(1)).toBe(3);
  });
});
