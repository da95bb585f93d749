import type { Sequence } from './sequence.ts';

/** What expiry needs. */
export interface IdleSequencesOptions {
  idleMs: number;
  nowMs: () => number;
  /** Called for each sequence whose time is over. */
  forget: (id: string) => void;
}

/** Sequences that no request uses, the longest idle first; each is forgotten when its time is over. */
export class IdleSequences {
  readonly #options: IdleSequencesOptions;
  /** In the order in which they became idle, which is that of their expiry. */
  readonly #byId = new Map<string, Sequence>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IdleSequencesOptions) {
    this.#options = options;
  }

  /** Milliseconds until the next can expire; while all are in use, what the first to become idle will take. */
  get nextExpiryMs(): number {
    const [first] = this.#byId.values();
    return first === undefined ? this.#options.idleMs : this.#leftMs(first);
  }

  /** A sequence without requests. */
  add(id: string, sequence: Sequence): void {
    sequence.idleSinceMs = this.#options.nowMs();
    this.#byId.set(id, sequence);
    this.#timer ??= this.#startTimer();
  }

  /** A sequence that is used again. */
  delete(id: string): void {
    this.#byId.delete(id);
  }

  /** Forgets those whose time is over. */
  expire(): void {
    for (const [id, sequence] of this.#byId) {
      if (this.#leftMs(sequence) > 0) return;
      this.#byId.delete(id);
      this.#options.forget(id);
    }
  }

  /** Forgets all without a word. Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#byId.clear();
  }

  /** Requests forget what has expired; the timer frees the memory when none come. */
  #startTimer(): NodeJS.Timeout {
    const onTimer = (): void => {
      this.expire();
      this.#timer = this.#byId.size === 0 ? undefined : this.#startTimer();
    };
    return setTimeout(onTimer, Math.ceil(this.nextExpiryMs)).unref();
  }

  #leftMs({ idleSinceMs }: Sequence): number {
    return this.#options.idleMs - (this.#options.nowMs() - idleSinceMs);
  }
}
