import { loadAddon } from './load-addon.ts';

interface MemoryAddon {
  detach(buffer: ArrayBuffer): void;
}

function load(): MemoryAddon | undefined {
  try {
    return loadAddon<MemoryAddon>();
  } catch {
    return undefined;
  }
}

const addon = load();
/** For less it is not worth the call. */
const bytesMin = 16 * 1024;

/**
 * Frees the memory of bytes that nobody looks at any more, now instead of when the garbage is collected; they are
 * empty then. Left to the collector it would count as memory outside of V8's heap, and V8 answers every 32 MB of
 * that with a collection of the whole heap. Bytes that share their buffer with others are left alone.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (addon === undefined || byteLength < bytesMin || byteLength !== buffer.byteLength) return;
  if (buffer instanceof ArrayBuffer) addon.detach(buffer);
}
