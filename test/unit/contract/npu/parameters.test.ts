import { describe, expect, it } from 'vitest';
import { encodeParameterRecord, fixedScaleOf } from '../../../../contract/npu/parameters.ts';

describe('fixedScaleOf', () => {
  it.each([2 ** -40, Math.fround(2 ** -12 * 1.337), Math.fround(0.1), 1, 1.5, 2 ** 22])(
    'is exactly the float32 %d',
    (scale) => {
      const { multiplier, shift } = fixedScaleOf(scale);
      expect(multiplier * 2 ** -shift).toBe(scale);
      expect(multiplier).toBeGreaterThanOrEqual(2 ** 23);
      expect(multiplier).toBeLessThan(2 ** 24);
      expect(shift).toBeGreaterThanOrEqual(1);
      expect(shift).toBeLessThanOrEqual(63);
    },
  );

  it('makes zero of a scale whose every product rounds to zero', () => {
    expect(fixedScaleOf(0)).toEqual({ multiplier: 0, shift: 63 });
    expect(fixedScaleOf(2 ** -41).multiplier).toBe(0);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 0.1, 2 ** 23])('refuses %d', (scale) => {
    expect(() => fixedScaleOf(scale)).toThrow(expect.objectContaining({ code: 'model_unsupported' }));
  });
});

describe('encodeParameterRecord', () => {
  it('writes bias, multiplier and shift', () => {
    const record = encodeParameterRecord({ bias: -2, multiplier: 0xabcdef, shift: 33 });
    expect([...record]).toEqual([0xfe, 0xff, 0xff, 0xff, 0xef, 0xcd, 0xab, 33]);
  });

  it.each([
    { bias: 2 ** 31, multiplier: 1, shift: 1 },
    { bias: 0.5, multiplier: 1, shift: 1 },
    { bias: 0, multiplier: 2 ** 24, shift: 1 },
    { bias: 0, multiplier: 1, shift: 0 },
    { bias: 0, multiplier: 1, shift: 64 },
  ])('refuses values out of range (%#)', (parameters) => {
    expect(() => encodeParameterRecord(parameters)).toThrow(
      expect.objectContaining({ code: 'program_invalid' }),
    );
  });
});
