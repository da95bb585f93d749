import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../bench/networks/seeded-random.ts';
import { addTermsOf, floatSum, nudgedOutputScale } from '../../../../compiler/network/add-terms.ts';
import type { AddQuantisation } from '../../../../compiler/network/network.ts';
import { addOf } from '../../../support/npu-arithmetic.ts';

function randomQuantisation(random: () => number): AddQuantisation {
  const uniform = (): number => random() / 2 ** 32;
  const zeroPoint = (): number => (random() % 256) - 128;
  const firstScale = Math.fround(0.004 + 0.05 * uniform());
  const secondScale = Math.fround(0.004 + 0.05 * uniform());
  return {
    firstScale,
    firstZeroPoint: zeroPoint(),
    secondScale,
    secondZeroPoint: zeroPoint(),
    outputScale: Math.fround((0.6 + 0.6 * uniform()) * (firstScale + secondScale)),
    outputZeroPoint: zeroPoint(),
  };
}

/** Pairs of `stride` apart for which the integer addition and the float definition differ. */
function differing(quantisation: AddQuantisation, stride: number): number {
  const terms = addTermsOf(quantisation);
  if (terms === undefined) return Number.NaN;
  const { outputZeroPoint } = quantisation;
  const addition = { ...terms, outputZeroPoint, minimum: -128, maximum: 127 };
  let count = 0;
  for (let pair = 0; pair < 65_536; pair += stride) {
    const [first, second] = [(pair >> 8) - 128, (pair & 255) - 128];
    if (addOf(first, second, addition) !== floatSum(first, second, quantisation)) count += 1;
  }
  return count;
}

const half = { firstZeroPoint: 3, secondZeroPoint: -7, outputZeroPoint: 5 };

describe('addTermsOf', () => {
  it('gives the float definition for 2,000 random triples', { timeout: 120_000 }, () => {
    const random = seededRandom(31);
    for (let triple = 0; triple < 2000; triple += 1) {
      // A stride that no row or column of pairs shares a factor with; some triples are tried whole.
      const quantisation = randomQuantisation(random);
      expect(differing(quantisation, triple % 200 === 0 ? 1 : 41)).toBe(0);
    }
  });

  it('finds terms where rounded ones miss a pair beside a tie', () => {
    const quantisation = {
      firstScale: Math.fround(0.017900124192237854),
      firstZeroPoint: -63,
      secondScale: Math.fround(0.024408742785453796),
      secondZeroPoint: 71,
      outputScale: Math.fround(0.030733561143279076),
      outputZeroPoint: -94,
    };
    expect(differing(quantisation, 1)).toBe(0);
  });

  it.each([0.1, 0.037, 0.0123])('has none for two halves of a scale of %d', (scale) => {
    const firstScale = Math.fround(scale);
    const quantisation = { ...half, firstScale, secondScale: firstScale, outputScale: 2 * firstScale };
    expect(addTermsOf(quantisation)).toBeUndefined();
  });

  it('has some where halves are powers of two, which float32 does not round', () => {
    expect(differing({ ...half, firstScale: 0.125, secondScale: 0.125, outputScale: 0.25 }, 1)).toBe(0);
  });

  it('takes fewer fraction bits where terms are large', () => {
    const scales = { firstScale: 3, secondScale: Math.fround(0.7), outputScale: Math.fround(0.031) };
    const terms = addTermsOf({ ...half, ...scales });
    expect(terms?.shift).toBeLessThan(20);
    expect(differing({ ...half, ...scales }, 1)).toBe(0);
  });

  it('has none where terms would not be int32', () => {
    const scales = { firstScale: 3, secondScale: 3, outputScale: Math.fround(1e-9) };
    expect(addTermsOf({ ...half, ...scales })).toBeUndefined();
  });
});

describe('nudgedOutputScale', () => {
  it('keeps a scale that has terms', () => {
    const random = seededRandom(32);
    for (let triple = 0; triple < 20; triple += 1) {
      const quantisation = randomQuantisation(random);
      expect(nudgedOutputScale(quantisation)).toBe(quantisation.outputScale);
    }
  });

  it('moves an exact half by less than 1 %', () => {
    const firstScale = Math.fround(0.037);
    const quantisation = { ...half, firstScale, secondScale: firstScale, outputScale: 2 * firstScale };
    const outputScale = nudgedOutputScale(quantisation);
    expect(outputScale).toBeGreaterThan(quantisation.outputScale);
    expect(outputScale).toBeLessThan(1.01 * quantisation.outputScale);
    expect(differing({ ...quantisation, outputScale }, 1)).toBe(0);
  });

  it('says when no scale near has terms', () => {
    const scales = { firstScale: 3, secondScale: 3, outputScale: Math.fround(1e-9) };
    expect(() => nudgedOutputScale({ ...half, ...scales })).toThrow(
      expect.objectContaining({ code: 'model_unsupported' }),
    );
  });
});
