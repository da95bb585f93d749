import type { ModelStatistics } from './statistics.ts';

/**
 * Statistics of models with those that other processes have of the same versions added: sums are added, the later of
 * two instants counts, batch sizes are told apart, and of two breakers the one that stands worse is told.
 */
export function addStatistics(
  own: readonly ModelStatistics[],
  others: readonly ModelStatistics[],
): ModelStatistics[] {
  return own.map((model) =>
    others
      .filter(({ name, version }) => name === model.name && version === model.version)
      .reduce((sum, other) => add(sum, other) as ModelStatistics, model),
  );
}

/** Also of fields that are not known here: whatever is counted is a number, or an object or a list with numbers in it. */
function add(left: unknown, right: unknown, field?: string): unknown {
  if (typeof left === 'number' && typeof right === 'number') {
    return field === 'last_inference' ? Math.max(left, right) : left + right;
  }
  if (Array.isArray(left) && Array.isArray(right)) return addLists(left, right);
  if (isRecord(left) && isRecord(right)) {
    const fields = new Set([...Object.keys(left), ...Object.keys(right)]);
    return Object.fromEntries([...fields].map((name) => [name, addField(left, right, name)]));
  }
  return left;
}

function addField(left: Record<string, unknown>, right: Record<string, unknown>, name: string): unknown {
  if (name === 'batch_size') return left[name];
  if (name === 'breaker' && isRecord(left[name]) && isRecord(right[name]))
    return worse(left[name], right[name]);
  return name in left ? add(left[name], right[name], name) : right[name];
}

/** Each process has a device and a breaker of its own, whose state cannot be added. */
function worse(left: Record<string, unknown>, right: Record<string, unknown>): Record<string, unknown> {
  return badnessOf(right) > badnessOf(left) ? right : left;
}

function badnessOf({ state }: Record<string, unknown>): number {
  return ['closed', 'half-open', 'open'].indexOf(String(state));
}

/** Entries with a batch size are added to the one of the same size. */
function addLists(left: readonly unknown[], right: readonly unknown[]): unknown[] {
  const sums = [...left];
  for (const entry of right) {
    const size = sizeOf(entry);
    const index = size === undefined ? -1 : sums.findIndex((sum) => sizeOf(sum) === size);
    if (index < 0) sums.push(entry);
    else sums[index] = add(sums[index], entry);
  }
  return sums;
}

function sizeOf(entry: unknown): unknown {
  return isRecord(entry) ? entry.batch_size : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
