import type { BlobRequest } from '../../contract/messages.ts';

/** One chunk that a device asked for. */
export interface WantedChunk {
  stream: number;
  digest: string;
  sizeBytes: number;
  index: number;
}

/** Chunks that one device asked for, in order, each once, never more than `depthMax`. */
export class ChunkQueue {
  readonly #depthMax: number;
  readonly #wanted = new Map<string, WantedChunk>();

  constructor(depthMax: number) {
    this.#depthMax = depthMax;
  }

  get length(): number {
    return this.#wanted.size;
  }

  /**
   * Merges a request; a stream that turns to another blob drops what it asked for before. What does not
   * fit is left out, because the device asks again for what does not come. Gives how many were left out.
   */
  add(request: BlobRequest, sizeBytes: number): number {
    const { stream, digest } = request;
    for (const [key, chunk] of this.#wanted) {
      if (chunk.stream === stream && chunk.digest !== digest) this.#wanted.delete(key);
    }
    let leftOut = 0;
    for (const [first, count] of request.ranges) {
      for (let index = first; index < first + count; index += 1) {
        const key = `${stream}/${index}`;
        if (this.#wanted.has(key)) continue;
        if (this.#wanted.size < this.#depthMax) this.#wanted.set(key, { stream, digest, sizeBytes, index });
        else leftOut += 1;
      }
    }
    return leftOut;
  }

  /** The next chunk to send, taken out. */
  take(): WantedChunk | undefined {
    for (const [key, chunk] of this.#wanted) {
      this.#wanted.delete(key);
      return chunk;
    }
    return undefined;
  }
}
