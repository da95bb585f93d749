import type { BlobReference } from '../../contract/messages.ts';
import type { Digest } from '../../contract/names.ts';

/** How far a pull is. */
export interface PullProgress {
  phase: 'fetching' | 'verifying';
  haveBytes: number;
  needBytes: number;
}

/** Adds up bytes over the blobs of an image, each digest once. */
export class ProgressCounter {
  readonly #report: (progress: PullProgress) => void;
  readonly #needed = new Map<Digest, number>();
  readonly #finished = new Set<Digest>();
  #needBytes = 0;
  #finishedBytes = 0;
  #currentBytes = 0;
  #last: PullProgress | undefined;

  constructor(report: (progress: PullProgress) => void) {
    this.#report = report;
  }

  /** All blobs of the image: known once its manifest is here, and nothing is told before. */
  need(references: readonly BlobReference[]): void {
    for (const { digest, size } of references) {
      if (this.#needed.has(digest)) continue;
      this.#needed.set(digest, size);
      this.#needBytes += size;
    }
  }

  /** So many bytes of the blob on its way are here. */
  current(haveBytes: number): void {
    this.#currentBytes = haveBytes;
    this.#emit('fetching');
  }

  /** A blob is in the store. */
  finish(reference: BlobReference): void {
    this.#currentBytes = 0;
    if (!this.#finished.has(reference.digest)) this.#finishedBytes += reference.size;
    this.#finished.add(reference.digest);
    this.#emit('fetching');
  }

  /** Digests are being checked. */
  verifying(): void {
    this.#emit('verifying');
  }

  #emit(phase: PullProgress['phase']): void {
    const progress = {
      phase,
      haveBytes: this.#finishedBytes + this.#currentBytes,
      needBytes: this.#needBytes,
    };
    const isNews = phase !== this.#last?.phase || progress.haveBytes !== this.#last.haveBytes;
    if (this.#needBytes === 0 || !isNews) return;
    this.#last = progress;
    this.#report(progress);
  }
}
