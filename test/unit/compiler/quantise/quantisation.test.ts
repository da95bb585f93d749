import { describe, expect, it } from 'vitest';
import { argument, call, constant } from '../../../../compiler/import/scalar-function.ts';
import {
  dequantise,
  quantisationOf,
  quantise,
  quantiseAll,
  rangeOf,
} from '../../../../compiler/quantise/quantisation.ts';
import { tableOf, usefulRange } from '../../../../compiler/quantise/tables.ts';
import { seededRandom } from '../../../support/random.ts';

describe('quantisationOf', () => {
  it('holds the range to half a step, and 0 exactly', () => {
    const random = seededRandom(5);
    for (let index = 0; index < 500; index += 1) {
      const minimum = -random() / 2 ** 30;
      const maximum = random() / 2 ** 28;
      const quantisation = quantisationOf({ minimum, maximum });
      const held = rangeOf(quantisation);
      expect(Math.abs(held.minimum - minimum)).toBeLessThanOrEqual(0.51 * quantisation.scale);
      expect(Math.abs(held.maximum - maximum)).toBeLessThanOrEqual(0.51 * quantisation.scale);
      expect(dequantise(quantise(0, quantisation), quantisation)).toBe(0);
      expect(Math.fround(quantisation.scale)).toBe(quantisation.scale);
    }
  });

  it('widens a range on one side of 0', () => {
    expect(quantisationOf({ minimum: 2, maximum: 5.1 })).toEqual({
      scale: Math.fround(0.02),
      zeroPoint: -128,
    });
    expect(quantisationOf({ minimum: -5.1, maximum: -2 })).toEqual({
      scale: Math.fround(0.02),
      zeroPoint: 127,
    });
  });

  it('gives a scale to a map that is always zero', () => {
    expect(quantisationOf({ minimum: 0, maximum: 0 }).scale).toBe(1);
  });
});

describe('quantise', () => {
  it('rounds halves to even and saturates', () => {
    const quantisation = { scale: 1, zeroPoint: 3 };
    const values = [0.5, 1.5, -0.5, -1.5, 2.5, 1000, -1000, Number.NEGATIVE_INFINITY];
    const expected = [3, 5, 3, 1, 5, 127, -128, -128];
    expect(values.map((value) => quantise(value, quantisation))).toEqual(expected);
    expect([...quantiseAll(Float32Array.from(values), quantisation)]).toEqual(expected);
  });
});

const hardSwish = call('HardSwish', [argument]);

describe('tables', () => {
  it('are DequantizeLinear - function - QuantizeLinear of every integer', () => {
    const input = { scale: 0.05, zeroPoint: -40 };
    const output = { scale: 0.03, zeroPoint: -115 };
    const table = tableOf(hardSwish, { input, output });
    for (const value of [-128, -100, -41, -40, -39, 0, 60, 127]) {
      const x = (value + 40) * 0.05;
      const y = (x * Math.min(Math.max(x + 3, 0), 6)) / 6;
      const exact = Math.min(Math.max(y / 0.03 - 115, -128), 127);
      expect(Math.abs((table[value + 128] ?? Number.NaN) - exact)).toBeLessThan(0.5001);
    }
  });

  it('need no argument where the function is flat', () => {
    const output = { scale: 0.04, zeroPoint: -120 };
    const range = usefulRange(hardSwish, { minimum: -20, maximum: 10 }, output);
    expect(range.minimum).toBeGreaterThan(-3.1);
    expect(range.minimum).toBeLessThan(-2.8);
    expect(range.maximum).toBeGreaterThan(9.9);
    const flat = call('Mul', [argument, constant(0)]);
    expect(usefulRange(flat, { minimum: -1, maximum: 2 }, output)).toEqual({ minimum: -1, maximum: 2 });
  });

  it('keep what a function does at both ends of 0', () => {
    const output = { scale: 2 / 255, zeroPoint: 0 };
    const range = usefulRange(call('Tanh', [argument]), { minimum: -30, maximum: 40 }, output);
    expect(range.maximum).toBeGreaterThan(2.5);
    expect(range.maximum).toBeLessThan(5);
    expect(range.minimum).toBeLessThan(-2.5);
    expect(range.minimum).toBeGreaterThan(-5);
  });
});
