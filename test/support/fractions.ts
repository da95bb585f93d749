import { seededRandom } from './random.ts';

/** Seeded generator for tests: numbers in [0, 1). */
export function seededFractions(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random() / 2 ** 32;
}
