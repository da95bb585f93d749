/** Seeded generator for tests: integers from 0 to 2^32 - 1 (xorshift, never 0 as a state). */
export function seededRandom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A JSON text with one character replaced, added or left out, or with its end cut off. */
export function damagedJson(text: string, random: () => number): string {
  const characters = '[]{},:"0123456789.eE+-\\ nt';
  const at = random() % text.length;
  const piece = characters[random() % characters.length] as string;
  const damages = [
    text.slice(0, at) + piece + text.slice(at + 1),
    text.slice(0, at) + piece + text.slice(at),
    text.slice(0, at) + text.slice(at + 1),
    text.slice(0, at),
  ];
  return damages[random() % damages.length] as string;
}
