import { describe, expect, it } from 'vitest';
import { chooseByShare, chooseCopied } from '../../../../agent/scoring/traffic-split.ts';
import { seededRandom } from '../../../support/random.ts';

const everybody = (): boolean => true;

/** Numbers from 0 up to 1, each the middle of one of `count` equal parts, once. */
function evenly(count: number): () => number {
  let next = 0;
  return () => {
    next += 1;
    return (next - 0.5) / count;
  };
}

function tally(count: number, choose: () => string | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let time = 0; time < count; time += 1) {
    const name = choose() ?? 'nobody';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('chooseByShare', () => {
  const shares = new Map([
    ['blue', 90],
    ['green', 0],
    ['red', 10],
  ]);

  it('gives each its share exactly, and nothing to who has none', () => {
    const random = evenly(1000);
    expect(tally(1000, () => chooseByShare(shares, everybody, random))).toEqual({ blue: 900, red: 100 });
  });

  it('comes close with random numbers', () => {
    const seeded = seededRandom(7);
    const { blue = 0 } = tally(10_000, () => chooseByShare(shares, everybody, () => seeded() / 2 ** 32));
    expect(Math.abs(blue - 9_000)).toBeLessThan(150);
  });

  it('leaves the share of who is not there to the others', () => {
    const many = new Map([...shares, ['white', 30] as const]);
    const random = evenly(400);
    const counts = tally(400, () => chooseByShare(many, (name) => name !== 'blue', random));
    expect(counts).toEqual({ red: 100, white: 300 });
  });

  it('chooses nobody when nobody that is there has a share', () => {
    expect(
      chooseByShare(
        shares,
        (name) => name === 'green',
        () => 0,
      ),
    ).toBeUndefined();
    expect(chooseByShare(new Map(), everybody, () => 0)).toBeUndefined();
    expect(chooseByShare(new Map(), everybody)).toBeUndefined();
  });

  it('takes the largest share when nothing is thrown, and copes with the ends of the range', () => {
    expect(chooseByShare(new Map([...shares].reverse()), everybody)).toBe('blue');
    expect(chooseByShare(shares, everybody, () => 0)).toBe('blue');
    expect(chooseByShare(shares, everybody, () => 1 - Number.EPSILON / 2)).toBe('red');
  });
});

describe('chooseCopied', () => {
  it('copies as many percent as the shares say, each request once at most', () => {
    const random = evenly(1000);
    const shares = new Map([
      ['green', 10],
      ['red', 25],
    ]);
    expect(tally(1000, () => chooseCopied(shares, random))).toEqual({ green: 100, red: 250, nobody: 650 });
  });
});
