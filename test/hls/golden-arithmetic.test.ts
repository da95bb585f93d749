import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addTerms, requantised } from '../support/npu-arithmetic.ts';
import { repositoryPath } from '../support/paths.ts';

/** The integers of every case of one word. */
function casesOf(word: string): number[][] {
  const text = readFileSync(repositoryPath('test', 'golden', 'npu-arithmetic', 'cases.txt'), 'utf8');
  const lines = text.split('\n').filter((line) => line.startsWith(`${word} `));
  return lines.map((line) => line.split(' ').slice(1).map(Number));
}

/** The first integers of a case by name, and its result. */
function named<const Name extends string>(
  values: number[],
  names: readonly Name[],
): Record<Name | 'result', number> {
  expect(values.length).toBe(names.length + 1);
  const entries = [...names, 'result'].map((name, index) => [name, values[index]]);
  return Object.fromEntries(entries) as Record<Name | 'result', number>;
}

const scaled = ['multiplier', 'shift', 'outputZeroPoint', 'minimum', 'maximum'] as const;

describe("ONNX Runtime's golden values", () => {
  it('are those of the reference: requantise', () => {
    const cases = casesOf('requantise').map((values) => named(values, ['sum', 'bias', ...scaled]));
    expect(cases.length).toBeGreaterThan(300);
    for (const each of cases) {
      const scale = each.multiplier * 2 ** -each.shift;
      expect(requantised((each.sum + each.bias) | 0, scale, each)).toBe(each.result);
    }
  });

  it('are those of the reference: add', () => {
    const names = ['first', 'second', 'shift', 'tieWindow', 'outputZeroPoint', 'minimum', 'maximum'] as const;
    const cases = casesOf('add').map((values) => named(values, names));
    expect(cases.length).toBeGreaterThan(300);
    for (const each of cases) expect(addTerms(each.first, each.second, each)).toBe(each.result);
  });

  it('are those of the reference: multiply', () => {
    const names = ['first', 'firstZeroPoint', 'second', 'secondZeroPoint', ...scaled] as const;
    const cases = casesOf('multiply').map((values) => named(values, names));
    expect(cases.length).toBeGreaterThan(300);
    for (const each of cases) {
      const product = (each.first - each.firstZeroPoint) * (each.second - each.secondZeroPoint);
      expect(requantised(product, each.multiplier * 2 ** -each.shift, each)).toBe(each.result);
    }
  });
});
