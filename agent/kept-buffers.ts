/** Smaller ones cost less to make than to keep. */
const keptBytesMin = 64 * 1024;

/**
 * Buffers that requests are done with, for the next ones. Each buffer that is made and dropped counts with V8 as
 * memory outside of its heap, which it answers with garbage collections of the whole heap.
 */
export class KeptBuffers {
  readonly #idleBytesMax: number;
  readonly #idleMs: number;
  readonly #idle = new Map<number, Buffer[]>();
  #idleBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Keeps at most so many bytes, and drops them when none was asked for in so long. */
  constructor({ bytesMax, idleMs }: { bytesMax: number; idleMs: number }) {
    this.#idleBytesMax = bytesMax;
    this.#idleMs = idleMs;
  }

  /** A buffer of at least that size, whose bytes may be those of an earlier request. */
  take(size: number): Buffer {
    if (size < keptBytesMin) return Buffer.allocUnsafe(size);
    const rounded = 2 ** Math.ceil(Math.log2(size));
    const buffer = this.#idle.get(rounded)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(rounded);
    this.#idleBytes -= rounded;
    return buffer;
  }

  /** Gives one back that nobody looks into any more. */
  give(buffer: Buffer): void {
    const { length } = buffer;
    if (length < keptBytesMin || this.#idleBytes + length > this.#idleBytesMax) return;
    const same = this.#idle.get(length);
    if (same === undefined) this.#idle.set(length, [buffer]);
    else same.push(buffer);
    this.#idleBytes += length;
    this.#timer ??= setTimeout(() => this.#drop(), this.#idleMs).unref();
    this.#timer.refresh();
  }

  #drop(): void {
    this.#idle.clear();
    this.#idleBytes = 0;
    this.#timer = undefined;
  }
}
