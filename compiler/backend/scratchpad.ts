import { gapsBetween } from './line-space.ts';

interface Held {
  start: number;
  end: number;
  /** Steps at which it will be read, in order; earlier ones are dropped as time goes on. */
  uses: number[];
  /** Last step that read it; the one it was loaded for if none did yet. */
  lastUse: number;
}

/** Steps before the present one whose items stay: a load in their place would wait for them to be done. */
const busySteps = 2;

/**
 * Places items in a memory of constants, in the order in which a program needs them. Items that are read
 * again stay if they can; new ones go round the memory, so that a load rarely waits for the instruction
 * before it.
 */
export class Scratchpad {
  readonly #size: number;
  readonly #held = new Map<string, Held>();
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Address of an item that is there; it will be read at the steps `uses`. */
  find(key: string): number | undefined {
    return this.#held.get(key)?.start;
  }

  /** Makes room for an item at a step; `uses` are the steps that read it, this one included. */
  place(key: string, options: { size: number; step: number; uses: readonly number[] }): number {
    const { size, step, uses } = options;
    for (const [other, held] of this.#held) {
      const next = held.uses.findIndex((use) => use >= step);
      const done = next === -1 ? held.uses : held.uses.slice(0, next);
      held.lastUse = done.at(-1) ?? held.lastUse;
      held.uses = held.uses.slice(done.length);
      if (held.uses.length === 0) this.#held.delete(other);
    }
    let start = this.#gap(size);
    while (start === undefined) {
      this.#evict(step);
      start = this.#gap(size);
    }
    this.#held.set(key, { start, end: start + size, uses: [...uses], lastUse: step });
    this.#next = start + size;
    return start;
  }

  /** First gap behind the item placed last, or else from the beginning on. */
  #gap(size: number): number | undefined {
    const gaps = gapsBetween([...this.#held.values()], this.#size);
    for (const { start, end } of gaps) {
      const from = Math.max(start, this.#next);
      if (end - from >= size) return from;
    }
    return gaps.find(({ start, end }) => end - start >= size)?.start;
  }

  /**
   * Gives up the item that is needed again the latest, but nothing that this step reads and, if there is
   * another, nothing that a step shortly before reads.
   */
  #evict(step: number): void {
    const candidates = [...this.#held].filter(([, { uses }]) => (uses[0] ?? 0) > step);
    const idle = candidates.filter(([, { lastUse }]) => lastUse < step - busySteps);
    const value = ({ uses, lastUse }: Held): number => (idle.length > 0 ? (uses[0] ?? 0) : -lastUse);
    let victim: [string, Held] | undefined;
    for (const candidate of idle.length > 0 ? idle : candidates) {
      if (victim === undefined || value(candidate[1]) > value(victim[1])) victim = candidate;
    }
    if (victim === undefined) throw new Error(`an instruction needs more than ${this.#size} items at once`);
    this.#held.delete(victim[0]);
  }
}
