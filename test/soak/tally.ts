import type { Outcome } from './ask.ts';
import { say } from './say.ts';

const reasonsMax = 5;

/** Counts of a soak. */
export class Tally {
  readonly counts = { right: 0, refused: 0, heldBack: 0, left: 0, wrong: 0, lost: 0 };
  readonly kinds = new Map<string, number>();
  readonly routes = new Map<string, number>();
  readonly reasons: string[] = [];

  add(kind: string, outcome: Outcome): void {
    this.counts[outcome.kind] += 1;
    if (outcome.kind === 'right') {
      increment(this.kinds, kind);
      increment(this.routes, outcome.route);
    } else if ('reason' in outcome && this.reasons.length < reasonsMax) {
      this.reasons.push(`${outcome.kind}: ${outcome.reason}`);
      say(outcome.kind, outcome.reason);
    }
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The value below which that share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Counts as `name 12, other 3`. */
export function listed(counts: Iterable<[string, number]>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}
