import { SluiceError } from '../contract/errors.ts';

/** What the compiler is busy with, in this order, and the part of the time that is over when it begins. */
const stages = {
  signature: 0,
  import: 0.01,
  partition: 0.03,
  quantise: 0.08,
  schedule: 0.6,
  write: 0.65,
  verify: 0.68,
  estimate: 0.95,
  record: 0.97,
} as const;

/** What the compiler is busy with. */
export type CompileStage = keyof typeof stages;

/** How far the compiler is: `fraction` of all, from 0 to 1, as far as that can be told. */
export interface CompileProgress {
  stage: CompileStage;
  fraction: number;
}

/** What stops the compiler and is told how far it is. */
export interface Followers {
  signal?: AbortSignal;
  onProgress?: (progress: CompileProgress) => void;
}

/** Tells progress, and sees to it that work is given up between stages. */
export class ProgressTeller {
  readonly #followers: Followers;
  #stage: CompileStage = 'signature';

  constructor(followers: Followers) {
    this.#followers = followers;
  }

  /** The signal as an option that may be missing. */
  get signalled(): { signal?: AbortSignal } {
    const { signal } = this.#followers;
    return signal === undefined ? {} : { signal };
  }

  /** Starts a stage; between stages the event loop turns, so that an abort is seen. Throws `cancelled`. */
  async enter(stage: CompileStage): Promise<void> {
    this.#stage = stage;
    this.within(0);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#followers.signal?.aborted) {
      throw new SluiceError('cancelled', `compiler: cancelled before the stage ${stage}`);
    }
  }

  /** Tells how much of the stage is done, 0 to 1. */
  within(part: number): void {
    const names = Object.keys(stages) as CompileStage[];
    const start = stages[this.#stage];
    const next = names[names.indexOf(this.#stage) + 1];
    const end = next === undefined ? 1 : stages[next];
    const fraction = start + (end - start) * Math.min(Math.max(part, 0), 1);
    this.#followers.onProgress?.({ stage: this.#stage, fraction });
  }
}
