import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../../compiler/quantise/histogram.ts';
import { type ObserverName, observers } from '../../../../compiler/quantise/observers.ts';
import { seededRandom } from '../../../support/random.ts';

/** Roughly normal values: the sum of twelve uniform ones. */
function normalValues({ count, seed }: { count: number; seed: number }): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => {
    let sum = -6;
    for (let index = 0; index < 12; index += 1) sum += random() / 2 ** 32;
    return sum;
  });
}

function histogramOf(...lists: readonly Float32Array[]): Histogram {
  const histogram = new Histogram();
  for (const list of lists) histogram.add(list, largestOf(list));
  return histogram;
}

function largestOf(list: Float32Array): number {
  return list.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

describe('a histogram', () => {
  it('holds every value whatever the order of sizes', () => {
    const [small, large] = [Float32Array.of(0.1, -0.2, 0.3), Float32Array.of(100, -250, 0)];
    const first = histogramOf(small, large);
    const second = histogramOf(large, small);
    expect(first.total).toBe(6);
    expect(first.counts.reduce((sum, count) => sum + count)).toBe(6);
    expect(first.range).toBe(256);
    expect([...first.counts]).toEqual([...second.counts]);
    expect([first.minimum, first.maximum]).toEqual([-250, 100]);
  });

  it('keeps a value at a power of two inside', () => {
    const histogram = histogramOf(Float32Array.of(1, -1));
    expect(histogram.counts.reduce((sum, count) => sum + count)).toBe(2);
    expect(histogram.range).toBe(2);
  });

  it('finds quantiles to the width of a bin', () => {
    const histogram = histogramOf(Float32Array.from({ length: 10_000 }, (_, index) => index / 10_000));
    for (const part of [0.01, 0.5, 0.999]) {
      expect(Math.abs(histogram.quantile(part) - part)).toBeLessThanOrEqual(histogram.width);
    }
  });

  it('takes zeros alone', () => {
    const histogram = histogramOf(new Float32Array(8));
    expect(histogram.quantile(0.5)).toBe(0);
    expect(observers['min-max'](histogram)).toEqual({ minimum: 0, maximum: 0 });
  });
});

describe('observers', () => {
  const values = normalValues({ count: 400_000, seed: 1 });
  const spiked = new Float32Array([...values, 60]);

  it('min-max takes the outlier', () => {
    expect(observers['min-max'](histogramOf(spiked)).maximum).toBe(60);
  });

  it.each([
    ['percentile-99.99', 3, 6],
    ['percentile-99.9', 3, 4],
    ['entropy', 2, 30],
    ['mean-square', 3, 50],
  ] as const)('%s leaves one value in 400,000 outside', (name, least, most) => {
    const { minimum, maximum } = observers[name](histogramOf(spiked));
    expect(maximum).toBeGreaterThan(least);
    expect(maximum).toBeLessThan(most);
    expect(minimum).toBeLessThan(-least);
  });

  it.each(Object.keys(observers) as ObserverName[])(
    '%s stays within the values and never ends at nothing',
    (name) => {
      for (const list of [values.subarray(0, 300), Float32Array.of(0.5), values.map(Math.abs)]) {
        const { minimum, maximum } = observers[name](histogramOf(list));
        expect(maximum).toBeLessThanOrEqual(largestOf(list));
        expect(maximum).toBeGreaterThan(0);
        expect(minimum).toBeGreaterThanOrEqual(-largestOf(list));
      }
    },
  );

  it('the least mean square is no worse than the whole range', () => {
    const { minimum, maximum } = observers['mean-square'](histogramOf(spiked));
    const noise = (low: number, high: number): number => {
      const scale = (high - low) / 255;
      return spiked.reduce((sum, value) => {
        const rounded = Math.min(Math.max(Math.round(value / scale) * scale, low), high);
        return sum + (rounded - value) ** 2;
      }, 0);
    };
    expect(noise(minimum, maximum)).toBeLessThan(0.7 * noise(-6, 60));
  });
});
