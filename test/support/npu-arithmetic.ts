/** The NPU's arithmetic on single values, straight from hls/isa/README.md; the reference of tests. */

interface Bounds {
  outputZeroPoint: number;
  minimum: number;
  maximum: number;
}

/** CONVOLVE's and MULTIPLY's end: float32 product, one rounding to the nearest even, zero point, clamp. */
export function requantised(sum: number, scale: number, bounds: Bounds): number {
  return finished(nearestEven(Math.fround(Math.fround(sum) * scale)), bounds);
}

interface Rounding extends Bounds {
  shift: number;
  tieWindow: number;
}

/** ADD, in integers. */
export function addOf(
  first: number,
  second: number,
  addition: Rounding & { firstTerms: Int32Array; secondTerms: Int32Array },
): number {
  const { firstTerms, secondTerms } = addition;
  return addTerms(firstTerms[first + 128] as number, secondTerms[second + 128] as number, addition);
}

/** ADD's rounding shift of two terms. */
export function addTerms(first: number, second: number, options: Rounding): number {
  const term = BigInt(first) + BigInt(second);
  const magnitude = term < 0n ? -term : term;
  const shift = BigInt(options.shift);
  const quotient = magnitude >> shift;
  const fromHalf = magnitude - (quotient << shift) - (1n << (shift - 1n));
  const window = BigInt(options.tieWindow);
  const isTie = fromHalf <= window && -fromHalf <= window;
  const isUp = isTie ? quotient % 2n === 1n : fromHalf > 0n;
  const rounded = Number(quotient + (isUp ? 1n : 0n));
  return finished(term < 0n ? -rounded : rounded, options);
}

function finished(value: number, { outputZeroPoint, minimum, maximum }: Bounds): number {
  return Math.min(Math.max(value + outputZeroPoint, minimum), maximum);
}

function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}
