import type { SluiceError } from '../../contract/errors.ts';

/** Requests to another process that wait for their answer. */
export class PendingRequests<Answer = void> {
  readonly #waiting = new Map<
    number,
    { resolve: (answer: Answer) => void; reject: (error: SluiceError) => void }
  >();
  #nextId = 1;

  /** How many wait. */
  get count(): number {
    return this.#waiting.size;
  }

  /** A fresh id and the promise of its answer. */
  add(): { requestId: number; answer: Promise<Answer> } {
    const requestId = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
    });
    return { requestId, answer };
  }

  /** The request succeeded; an id that waits no more is ignored. */
  resolve(requestId: number, answer: Answer): void {
    this.#take(requestId)?.resolve(answer);
  }

  /** The request failed. */
  reject(requestId: number, error: SluiceError): void {
    this.#take(requestId)?.reject(error);
  }

  /** The other process is gone. */
  rejectAll(error: SluiceError): void {
    for (const requestId of [...this.#waiting.keys()]) this.reject(requestId, error);
  }

  #take(requestId: number) {
    const request = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    return request;
  }
}
