/** Seeded generator: integers from 0 to 2^32 - 1 (xorshift, never 0 as a state). */
export function seededRandom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
