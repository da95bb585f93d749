import { SluiceError } from './errors.ts';
import { limits } from './limits.ts';

/** Bytes of one SHA-256 in a chunk index. */
export const chunkHashBytes = 32;

/** How many chunks a blob of `sizeBytes` has. */
export function chunkCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / limits.chunkBytes);
}

/** Byte range of a chunk inside a blob; the last one may be short. */
export function chunkRange(options: { index: number; sizeBytes: number }): { start: number; length: number } {
  const start = options.index * limits.chunkBytes;
  return { start, length: Math.min(limits.chunkBytes, options.sizeBytes - start) };
}

/**
 * Checks that a chunk index belongs to a blob of `sizeBytes`: 32 bytes of SHA-256 for each chunk, nothing else.
 * Throws `manifest_invalid`.
 */
export function checkChunkIndex(options: { index: Uint8Array; sizeBytes: number }): void {
  const expected = chunkCount(options.sizeBytes) * chunkHashBytes;
  if (options.index.length !== expected) {
    throw new SluiceError(
      'manifest_invalid',
      `chunk index: ${options.index.length} bytes, ${expected} expected for a blob of ${options.sizeBytes} bytes`,
    );
  }
}
