import { digestOf } from '../../base/digest.ts';
import { chunkCount, chunkRange } from '../../contract/chunk-index.ts';
import type { BlobReference } from '../../contract/messages.ts';

/** Where the chunks of one blob go, and which of them are there already. */
export interface ChunkSink {
  readonly reference: BlobReference;
  /** Bytes of the chunks that are here. */
  readonly haveBytes: number;
  /** Chunks that are not here, in ascending order. */
  missing(): number[];
  /** Whether these bytes can be that chunk, as far as a chunk alone can tell. */
  accepts(index: number, bytes: Uint8Array): boolean;
  /** Keeps an accepted chunk. Throws `disk_full`. */
  write(index: number, bytes: Uint8Array): Promise<void>;
}

/** A small blob without a chunk index, gathered in memory and verified as a whole. */
export class MemoryBlob implements ChunkSink {
  readonly reference: BlobReference;
  readonly #bytes: Uint8Array;
  readonly #have = new Set<number>();
  #haveBytes = 0;

  constructor(reference: BlobReference) {
    this.reference = reference;
    this.#bytes = new Uint8Array(reference.size);
  }

  get haveBytes(): number {
    return this.#haveBytes;
  }

  missing(): number[] {
    return Array.from({ length: chunkCount(this.reference.size) }, (_, index) => index).filter(
      (index) => !this.#have.has(index),
    );
  }

  accepts(index: number, bytes: Uint8Array): boolean {
    return bytes.length === chunkRange({ index, sizeBytes: this.reference.size }).length;
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    const range = chunkRange({ index, sizeBytes: this.reference.size });
    this.#bytes.set(bytes, range.start);
    if (!this.#have.has(index)) this.#haveBytes += range.length;
    this.#have.add(index);
  }

  /** The blob when its digest is right; otherwise all of it is forgotten, since no chunk can be blamed. */
  take(): Uint8Array | undefined {
    if (digestOf(this.#bytes) === this.reference.digest) return this.#bytes;
    this.#have.clear();
    this.#haveBytes = 0;
    return undefined;
  }
}
