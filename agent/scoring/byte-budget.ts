import { SluiceError } from '../../contract/errors.ts';

interface Waiting {
  bytes: number;
  proceed: () => void;
}

/**
 * Bytes that may be held at once; who finds too few left waits in line. One that asks for more than there are at
 * all gets them alone.
 */
export class ByteBudget {
  readonly #bytesMax: number;
  readonly #waitingMax: number;
  readonly #waiting: Waiting[] = [];
  #held = 0;

  constructor({ bytesMax, waitingMax }: { bytesMax: number; waitingMax: number }) {
    this.#bytesMax = bytesMax;
    this.#waitingMax = waitingMax;
  }

  /** Resolves once the bytes are there; `release` them afterwards. Throws `queue_full`. */
  acquire(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#held += bytes;
      return Promise.resolve();
    }
    if (this.#waiting.length >= this.#waitingMax) {
      const text = `${this.#waitingMax} compressed requests wait for memory already; try again later`;
      return Promise.reject(new SluiceError('queue_full', text, { retryAfterMs: 1000 }));
    }
    return new Promise((proceed) => {
      this.#waiting.push({ bytes, proceed });
    });
  }

  /** Gives bytes back. */
  release(bytes: number): void {
    this.#held -= bytes;
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || !this.#fits(next.bytes)) return;
      this.#waiting.shift();
      this.#held += next.bytes;
      next.proceed();
    }
  }

  #fits(bytes: number): boolean {
    return this.#held === 0 || this.#held + bytes <= this.#bytesMax;
  }
}

/** What one request holds of a budget, until it ends in whatever way. */
export class BudgetShare {
  readonly #budget: ByteBudget;
  #bytes = 0;
  #isEnded = false;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** Waits for bytes. Throws `queue_full`, and `cancelled` when the request ended meanwhile. */
  async take(bytes: number): Promise<void> {
    await this.#budget.acquire(bytes);
    this.#bytes += bytes;
    if (!this.#isEnded) return;
    this.#giveBack(0);
    throw new SluiceError('cancelled', 'the client left before its body was decompressed');
  }

  /** Gives back what is more than is needed. */
  shrink(bytes: number): void {
    if (bytes < this.#bytes) this.#giveBack(bytes);
  }

  /** Gives back everything, also what is still being waited for. Idempotent. */
  end(): void {
    this.#isEnded = true;
    this.#giveBack(0);
  }

  #giveBack(kept: number): void {
    const bytes = this.#bytes - kept;
    this.#bytes = kept;
    if (bytes > 0) this.#budget.release(bytes);
  }
}
