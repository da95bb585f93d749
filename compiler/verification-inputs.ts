/** Fixed, so that a failure can be repeated. */
const seed = 0x51_1c_e0_01;
/** Where Weyl's sequence goes on for the next item (2^32 divided by the golden ratio). */
const seedStep = 0x9e_37_79_b9;

/** One input item of a verification, with the kind that messages name. */
export interface VerificationItem {
  kind: string;
  values: Int8Array;
}

type Filling = (index: number) => number;

const patterns: readonly [string, (next: () => number) => Filling][] = [
  ['random', (next) => () => (next() >>> 24) - 128],
  // Values of -128 and 127 alone drive accumulators to their ends.
  ['random extremes', (next) => () => (next() < 0x8000_0000 ? -128 : 127)],
  ['ramp', () => (index) => (index % 256) - 128],
  ['all -128', () => () => -128],
  ['all 127', () => () => 127],
  ['alternating -128 and 127', () => (index) => (index % 2 === 0 ? -128 : 127)],
  ['all -1', () => () => -1],
  ['all 0', () => () => 0],
  ['all 1', () => () => 1],
];
/** How many patterns are random: these go on for ever. */
const randomPatterns = 2;

/**
 * Random, extreme and constant int8 items; always the same ones for the same sizes. They are made when they
 * are asked for, the most telling first.
 */
export function* verificationInputs(options: {
  elementCount: number;
  count: number;
}): Generator<VerificationItem> {
  for (let index = 0; index < options.count; index += 1) {
    const position = index < patterns.length ? index : index % randomPatterns;
    const [kind, pattern] = patterns[position] as (typeof patterns)[number];
    const fill = pattern(xorshift32((seed + index * seedStep) | 1));
    const values = new Int8Array(options.elementCount);
    for (let element = 0; element < values.length; element += 1) values[element] = fill(element);
    yield { kind, values };
  }
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
