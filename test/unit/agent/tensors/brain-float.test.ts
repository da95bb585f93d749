import { describe, expect, it } from 'vitest';
import { bfloat16ToNumber, numberToBfloat16 } from '../../../../agent/tensors/brain-float.ts';
import { seededRandom } from '../../../support/random.ts';

const randoms = 50_000;

/** A float32 to the nearest bfloat16 by its bits alone. */
function roundedBits(float32: number): number {
  const bits = new Uint32Array(Float32Array.of(float32).buffer)[0] as number;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff_0000) >>> 16;
}

/** A double to the nearest bfloat16 in whole numbers: its magnitude in units of 2^-1074 loses its last bits. */
function roundedExactly(value: number): number {
  const bits = new BigUint64Array(Float64Array.of(value).buffer)[0] as bigint;
  const sign = Number(bits >> 63n) << 15;
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const magnitude = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  // The least bfloat16 is 2^-133; from 2^-125 on the step doubles with the number.
  const biased = Math.max(0, magnitude.toString(2).length - (1074 - 133) - 8);
  const dropped = BigInt(1074 - 133 + biased);
  const below = magnitude >> dropped;
  const twice = 2n * (magnitude - (below << dropped));
  const unit = 1n << dropped;
  const up = twice > unit || (twice === unit && (below & 1n) === 1n) ? 1 : 0;
  return sign | Math.min((biased << 7) + Number(below) + up, 0x7f80);
}

/** Doubles of any bits; of sizes that a bfloat16 has; and close to the middle between two of these. */
function* randomDoubles(): Generator<number> {
  const random = seededRandom(16);
  for (let round = 0; round < randoms; round += 1) {
    let bits = (BigInt(random()) << 32n) | BigInt(random());
    if (round % 4 !== 0) {
      // From 2^-140 to 2^130.
      const exponent = BigInt(1023 - 140 + (random() % 270));
      bits = (bits & ~(0x7ffn << 52n)) | (exponent << 52n);
    }
    // A bfloat16 keeps 7 of the 52 bits, a float32 23.
    if (round % 2 === 0) bits = ((bits >> 45n) << 45n) + (1n << 44n) + BigInt((random() >>> 4) - 2 ** 27);
    const value = new Float64Array(BigUint64Array.of(bits).buffer)[0] as number;
    if (!Number.isNaN(value)) yield value;
  }
}

/** The values that become another bfloat16 than expected. */
function wrongOf(cases: Iterable<readonly [value: number, expected: number]>): number[] {
  return Array.from(cases)
    .filter(([value, expected]) => numberToBfloat16(value) !== expected)
    .map(([value]) => value);
}

describe('bfloat16', () => {
  it('comes back from every number that one of them is', () => {
    const all = Array.from({ length: 0x10000 }, (_, bits) => {
      const isNan = (bits & 0x7f80) === 0x7f80 && (bits & 0x7f) !== 0;
      return [bfloat16ToNumber(bits), isNan ? 0x7fc0 : bits] as const;
    });
    expect(wrongOf(all)).toEqual([]);
  });

  it('is the number whose float32 begins with its bits', () => {
    expect(bfloat16ToNumber(0x3f80)).toBe(1);
    expect(bfloat16ToNumber(0xc049)).toBe(-3.140625);
    expect(bfloat16ToNumber(0x7f7f)).toBe(255 * 2 ** 120);
    expect(bfloat16ToNumber(1)).toBe(2 ** -133);
    expect(bfloat16ToNumber(0x8000)).toBe(-0);
    expect(bfloat16ToNumber(0xff80)).toBe(Number.NEGATIVE_INFINITY);
    expect(bfloat16ToNumber(0x7f81)).toBeNaN();
  });

  it('is the nearest to what lies between two, the even one in the middle', () => {
    const cases: [number, number][] = [];
    for (let bits = 0; bits < 0x7f7f; bits += 1) {
      const [low, high] = [bfloat16ToNumber(bits), bfloat16ToNumber(bits + 1)];
      const middle = (low + high) / 2;
      // Too small for a float32 to keep next to the middle.
      const step = (high - low) * 2 ** -44;
      const even = bits + (bits & 1);
      cases.push([middle, even], [middle - step, bits], [middle + step, bits + 1]);
      cases.push(
        [-middle, 0x8000 | even],
        [step - middle, 0x8000 | bits],
        [-middle - step, 0x8000 | (bits + 1)],
      );
    }
    expect(wrongOf(cases)).toEqual([]);
  });

  it('is what the bits of a float32 round to', () => {
    const float32s = Array.from(randomDoubles(), Math.fround);
    expect(wrongOf(float32s.map((value) => [value, roundedBits(value)]))).toEqual([]);
  });

  it('is what whole numbers of any size make of a double', () => {
    const doubles = Array.from(randomDoubles()).filter(Number.isFinite);
    // Not what its float32 makes of all of them, so that the difference is tried.
    expect(doubles.filter((value) => roundedBits(Math.fround(value)) !== roundedExactly(value))).not.toEqual(
      [],
    );
    expect(wrongOf(doubles.map((value) => [value, roundedExactly(value)]))).toEqual([]);
  });

  it.each([
    [1, 0x3f80],
    [-2, 0xc000],
    [3.140625, 0x4049],
    [0, 0],
    [-0, 0x8000],
    // Half a step above 1, and one float64 more, which a float32 does not keep.
    [1 + 2 ** -8, 0x3f80],
    [1 + 2 ** -8 + 2 ** -52, 0x3f81],
    [1 + 3 * 2 ** -8 - 2 ** -52, 0x3f81],
    // The largest, and half a step beyond it.
    [255 * 2 ** 120, 0x7f7f],
    [511 * 2 ** 119, 0x7f80],
    [511 * 2 ** 119 - 2 ** 75, 0x7f7f],
    [-1e300, 0xff80],
    [Number.POSITIVE_INFINITY, 0x7f80],
    // The least, and half of it.
    [2 ** -133, 1],
    [2 ** -134, 0],
    [2 ** -134 * (1 + 2 ** -52), 1],
    [-5e-324, 0x8000],
    [2 ** -126, 0x80],
    [Number.NaN, 0x7fc0],
  ])('%d is %i', (value, bits) => {
    expect(numberToBfloat16(value)).toBe(bits);
  });
});
