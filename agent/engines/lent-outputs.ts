import { KeptBuffers } from '../kept-buffers.ts';
import { ownedByRequest } from '../request-memory.ts';

/** Smaller outputs cost less to make than to lend. */
const lentBytesMin = 64 * 1024;
/** Bytes in front of each output, for the head of an answer that ends with it. */
const roomBytes = 4 * 1024;

/** Buffers of what is lent. */
const lent = new WeakMap<Uint8Array, Buffer>();

/** Memory for large outputs of a model, lent to one request after the other. */
export class LentOutputs {
  readonly #buffers: KeptBuffers;

  constructor(limits: { outputBuffersBytesMax: number; buffersIdleMs: number }) {
    this.#buffers = new KeptBuffers({ bytesMax: limits.outputBuffersBytesMax, idleMs: limits.buffersIdleMs });
  }

  /** Memory of exactly that length, which `freeMemory` gives back; undefined for little. */
  lend(bytes: number): Uint8Array | undefined {
    if (bytes < lentBytesMin) return undefined;
    const buffer = this.#buffers.take(roomBytes + bytes);
    const data = new Uint8Array(buffer.buffer, buffer.byteOffset + roomBytes, bytes);
    lent.set(data, buffer);
    return ownedByRequest(data, () => {
      lent.delete(data);
      this.#buffers.give(buffer);
    });
  }
}

/** A lent output with so many bytes in front of it, which are the caller's; undefined where there are not so many. */
export function withRoomBefore(data: Uint8Array, bytes: number): Buffer | undefined {
  const buffer = lent.get(data);
  // Never all of the buffer: such a view would pass for memory of its own.
  if (buffer === undefined || bytes >= roomBytes) return undefined;
  return buffer.subarray(roomBytes - bytes, roomBytes + data.length);
}
