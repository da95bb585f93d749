// IEEE 754 binary16. Node 20 has no Float16Array.

const exponentBias = 15;
const fractionBits = 10;
/** Half of what comes after the largest half, 65,504: from here on everything rounds to infinity. */
const overflow = 65_520;

/** The number that a half stands for. */
export function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> fractionBits) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - exponentBias - fractionBits);
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - exponentBias);
}

/** The half nearest to a number, the even one of two; beyond the largest an infinity. */
export function numberToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= overflow) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size || Number.MIN_VALUE)), 1 - exponentBias);
  const steps = roundHalfToEven(size / 2 ** (exponent - fractionBits));
  // A logarithm that came out one too small, or rounding up, carries into the exponent by itself.
  const biased = exponent + exponentBias;
  return sign | (steps < 2 ** fractionBits && biased === 1 ? steps : ((biased - 1) << fractionBits) + steps);
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + (below % 2);
  return rest < 0.5 ? below : below + 1;
}
