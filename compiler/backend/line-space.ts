import type { Range } from './ranges.ts';

/** Lines that nothing in `occupied` covers, from the lowest on. */
export function gapsBetween(occupied: readonly Range[], lines: number): Range[] {
  const gaps: Range[] = [];
  let start = 0;
  for (const range of occupied.toSorted((first, second) => first.start - second.start)) {
    if (range.start > start) gaps.push({ start, end: range.start });
    start = Math.max(start, range.end);
  }
  if (start < lines) gaps.push({ start, end: lines });
  return gaps;
}

/**
 * First addresses of blocks of lines put into gaps, the largest block first, each into the first gap that
 * holds it; undefined when they don't fit.
 */
export function packIntoGaps(sizes: readonly number[], gaps: readonly Range[]): number[] | undefined {
  const left = gaps.map((gap) => ({ ...gap }));
  const order = [...sizes.keys()].sort((first, second) => (sizes[second] ?? 0) - (sizes[first] ?? 0));
  const addresses = sizes.map(() => 0);
  for (const index of order) {
    const size = sizes[index] ?? 0;
    const gap = left.find(({ start, end }) => end - start >= size);
    if (gap === undefined) return undefined;
    addresses[index] = gap.start;
    gap.start += size;
  }
  return addresses;
}
