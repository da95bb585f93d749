import { limits } from '../../contract/limits.ts';

/**
 * Delay-based window of a transfer, in chunks (research/edge.md 2.3). It grows until the queueing delay
 * `rtt - minimum rtt` nears the target, so bulk data fills the link but commands still pass it quickly.
 */
export class DelayWindow {
  readonly #targetDelayMs: number;
  readonly #chunksMin: number;
  #chunks: number;
  #minRttMs = Number.POSITIVE_INFINITY;
  #starting = true;

  constructor(options: { targetDelayMs: number; chunksMin: number }) {
    this.#targetDelayMs = options.targetDelayMs;
    this.#chunksMin = options.chunksMin;
    this.#chunks = options.chunksMin;
  }

  /** Chunks that may be on their way at once. */
  get chunks(): number {
    return Math.floor(this.#chunks);
  }

  /** A chunk arrived `rttMs` after its only request. */
  onArrival(rttMs: number): void {
    this.#minRttMs = Math.min(this.#minRttMs, rttMs);
    const delayMs = rttMs - this.#minRttMs;
    if (this.#starting && delayMs < this.#targetDelayMs / 2) {
      this.#set(this.#chunks + 1);
      return;
    }
    this.#starting = false;
    const gain = (this.#targetDelayMs - delayMs) / this.#targetDelayMs;
    this.#set(this.#chunks + Math.max(-0.5, gain) / this.#chunks);
  }

  /** Chunks were lost: delay says nothing about a queue that drops, so the window halves. */
  onLoss(): void {
    this.#starting = false;
    this.#set(this.#chunks / 2);
  }

  #set(chunks: number): void {
    this.#chunks = Math.max(this.#chunksMin, Math.min(limits.blobWindowChunksMax, chunks));
  }
}
