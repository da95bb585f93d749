import { describe, expect, it } from 'vitest';
import { halfToNumber, numberToHalf } from '../../../../agent/tensors/half.ts';

describe('half floats', () => {
  it('come back from every number that one of them is', () => {
    for (let half = 0; half < 0x10000; half += 1) {
      const value = halfToNumber(half);
      if (Number.isNaN(value)) expect(halfToNumber(numberToHalf(value))).toBeNaN();
      else expect(numberToHalf(value)).toBe(half);
    }
  });

  it('are the nearest to what lies between two, the even one in the middle', () => {
    for (let half = 0; half < 0x7bff; half += 1) {
      const [low, high] = [halfToNumber(half), halfToNumber(half + 1)];
      const middle = (low + high) / 2;
      expect(numberToHalf(middle)).toBe(half + (half % 2));
      expect(numberToHalf(-middle)).toBe(0x8000 | (half + (half % 2)));
      expect(numberToHalf(middle - (high - low) / 16)).toBe(half);
      expect(numberToHalf(middle + (high - low) / 16)).toBe(half + 1);
    }
  });

  it.each([
    [65_519.99, 0x7bff],
    [65_520, 0x7c00],
    [-1e300, 0xfc00],
    [2 ** -25, 0],
    [2 ** -25 * 1.001, 1],
    [-(2 ** -40), 0x8000],
    [Number.NaN, 0x7e00],
  ])('%d is %i', (value, half) => {
    expect(numberToHalf(value)).toBe(half);
  });
});
