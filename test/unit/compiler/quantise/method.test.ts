import { describe, expect, it } from 'vitest';
import { describeMethod, observerNames, parseQuantiseChoice } from '../../../../compiler/quantise/method.ts';

describe('parseQuantiseChoice', () => {
  it('reads every method as it is written', () => {
    for (const name of observerNames) {
      for (const extra of ['', '+equalise', '+bias', '+equalise+bias']) {
        const method = parseQuantiseChoice(`${name}${extra}`);
        if (typeof method === 'string') throw new Error(`${method} is no method`);
        expect(describeMethod(method)).toBe(`${name}${extra}`);
      }
    }
    expect([parseQuantiseChoice('off'), parseQuantiseChoice('auto')]).toEqual(['off', 'auto']);
  });

  it.each(['', 'median', 'min-max+', 'min-max+magic', 'auto+bias', 'toString'])('refuses %j', (text) => {
    expect(() => parseQuantiseChoice(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
