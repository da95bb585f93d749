import { type Group, groupOf } from './group.ts';
import type { BlockedMap, Operation } from './operations.ts';
import type { Range } from './ranges.ts';

/** Groups that write and read a map, and the stretch of groups over which it must be kept. */
export interface Lifetime {
  writers: readonly number[];
  readers: readonly number[];
  /** From the first group that writes it to after the last that reads it. */
  groups: Range;
}

/** Lifetimes of the maps that groups hand to one another, inputs of the network left out. */
export function lifetimesOf(groups: readonly Group[]): Map<BlockedMap, Lifetime> {
  const lifetimes = new Map<BlockedMap, { writers: number[]; readers: number[]; groups: Range }>();
  for (const [index, { output, sources }] of groups.entries()) {
    for (const [map, role] of [
      ...sources.map((map) => [map, 'readers'] as const),
      [output.map, 'writers'] as const,
    ]) {
      if (map.boundary === 'INPUT') continue;
      const lifetime = lifetimes.get(map) ?? {
        writers: [],
        readers: [],
        groups: { start: index, end: index },
      };
      lifetime[role].push(index);
      lifetime.groups = { start: lifetime.groups.start, end: index + 1 };
      lifetimes.set(map, lifetime);
    }
  }
  return lifetimes;
}

/**
 * Joins the groups of a range into one whose maps in between are internal; undefined when a map in between
 * is needed elsewhere, written in parts, or one that leaves the NPU.
 */
export function joinGroups(
  groups: readonly Group[],
  options: { range: Range; lifetimes: ReadonlyMap<BlockedMap, Lifetime> },
): Group | undefined {
  const { range, lifetimes } = options;
  const joined = groups.slice(range.start, range.end);
  const operations = joined.flatMap(({ operations: each }) => [...each]);
  const internals = joined.flatMap(({ internals: each }) => [...each]);
  for (const { output } of joined.slice(0, -1)) {
    const lifetime = lifetimes.get(output.map);
    const isPrivate =
      lifetime !== undefined &&
      lifetime.groups.end <= range.end &&
      lifetime.writers.length === 1 &&
      lifetime.readers.length > 0 &&
      output.map.boundary === undefined &&
      readsWhole(operations, output.map);
    if (!isPrivate) return undefined;
    internals.push(output.map);
  }
  return groupOf(operations, internals);
}

/** Parts of a map may be read by nobody; then no tile of the group's output asks for them. */
function readsWhole(operations: readonly Operation[], map: BlockedMap): boolean {
  const views = operations.flatMap(({ inputs }) => inputs.filter((view) => view.map === map));
  return views.length > 0 && views.every(({ blocks }) => blocks === map.blocks);
}
