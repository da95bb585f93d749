/** Random items beside the extreme ones. */
const randomItemCount = 96;
/** Items made of -128 and 127 alone: they drive accumulators to their ends. */
const extremeItemCount = 24;
/** Fixed, so that a failure can be repeated. */
const seed = 0x51_1c_e0_01;

/** One input item of a verification, with the kind that messages name. */
export interface VerificationItem {
  kind: string;
  values: Int8Array;
}

/**
 * Constant, extreme and random int8 items; always the same ones for the same sizes. Random items fill the
 * list up to a multiple of `countMultiple`.
 */
export function verificationInputs(options: {
  elementCount: number;
  countMultiple: number;
}): VerificationItem[] {
  const { elementCount, countMultiple } = options;
  const next = xorshift32(seed);
  const fill = (kind: string, value: (index: number) => number): VerificationItem => ({
    kind,
    values: Int8Array.from({ length: elementCount }, (_, index) => value(index)),
  });
  const items = [-128, -1, 0, 1, 127].map((value) => fill(`all ${value}`, () => value));
  items.push(fill('alternating -128 and 127', (index) => (index % 2 === 0 ? -128 : 127)));
  items.push(fill('ramp', (index) => (index % 256) - 128));
  for (let count = 0; count < extremeItemCount; count += 1) {
    items.push(fill('random extremes', () => (next() < 0x8000_0000 ? -128 : 127)));
  }
  const fixedCount = items.length;
  const total = Math.ceil((fixedCount + randomItemCount) / countMultiple) * countMultiple;
  while (items.length < total) items.push(fill('random', () => (next() >>> 24) - 128));
  return items;
}

/** Marsaglia's xorshift generator (Journal of Statistical Software 8/14, 2003) with 32 bits of state. */
function xorshift32(start: number): () => number {
  let state = start;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
