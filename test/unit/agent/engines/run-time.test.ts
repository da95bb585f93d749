import { describe, expect, it } from 'vitest';
import { RunTime } from '../../../../agent/engines/run-time.ts';

function measured(durations: number[], options: { items?: number; itemMs?: number } = {}): RunTime {
  const time = new RunTime(options.itemMs);
  for (const durationMs of durations) time.record(durationMs, { items: options.items ?? 1 });
  return time;
}

describe('RunTime', () => {
  it('is 0 before the first run, then the fastest until runs have settled, then follows them', () => {
    expect(new RunTime().estimateMs(5)).toBe(0);
    expect(measured([30, 10, 20]).estimateMs()).toBe(10);
    const settled = measured([10, 10, 10, 10, 10]);
    settled.record(20);
    expect(settled.estimateMs()).toBeCloseTo(11);
  });

  it('believes the newest run more when the one before it is old', () => {
    const time = measured([10, 10, 10, 10, 10]);
    time.record(20, { atMs: 60_000 });
    expect(time.estimateMs()).toBeCloseTo(15);
    time.record(20, { atMs: 60_001 });
    expect(time.estimateMs()).toBeCloseTo(15.5);
  });

  it('grows with the items where such a size was not measured, and is what was measured where it was', () => {
    const time = measured([10]);
    expect(time.estimateMs(8)).toBe(80);
    time.record(24, { items: 8 });
    expect(time.estimateMs(8)).toBe(24);
    expect(time.estimateMs(16)).toBe(48);
    expect(time.estimateMs()).toBe(10);
    expect(measured([32], { items: 32 }).estimateMs(1)).toBe(1);
  });

  it('grows by the known time of an item where there is one', () => {
    const time = measured([10], { itemMs: 0.5 });
    expect(time.estimateMs(1)).toBe(10);
    expect(time.estimateMs(101)).toBe(60);
    expect(measured([10], { items: 100, itemMs: 0.5 }).estimateMs(1)).toBe(0);
  });

  it('takes for granted only what was measured', () => {
    const time = measured([10]);
    expect(time.leastMs(1_000)).toBe(10);
    time.record(300, { items: 64 });
    expect([1, 63, 64, 1_000].map((items) => time.leastMs(items))).toEqual([10, 10, 300, 300]);
    expect(measured([300], { items: 64 }).leastMs(1)).toBe(0);
    // Of the same size, but with more items: that would refuse for ever what could be done.
    expect(measured([70], { items: 7 }).leastMs(4)).toBe(40);
    expect(measured([10], { items: 7, itemMs: 0.5 }).leastMs(4)).toBe(8.5);
  });

  it('is bounded from above by what was measured on either side', () => {
    expect(measured([]).mostMs(4)).toBe(0);
    const time = measured([20], { items: 16 });
    expect([1, 16, 64].map((items) => time.mostMs(items))).toEqual([20, 20, 80]);
    time.record(3, { items: 1 });
    expect([1, 4, 8].map((items) => time.mostMs(items))).toEqual([3, 12, 20]);
  });
});
