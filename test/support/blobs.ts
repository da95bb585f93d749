import { createHash } from 'node:crypto';
import { digestOf } from '../../base/digest.ts';
import { chunkCount, chunkRange } from '../../contract/chunk-index.ts';
import type { BlobReference } from '../../contract/messages.ts';

/** Bytes that look random and are the same for the same seed. */
export function noise(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let offset = 0; offset < sizeBytes; offset += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[offset] = state;
  }
  return bytes;
}

/** The descriptor of bytes. */
export function referenceOf(bytes: Uint8Array): BlobReference {
  return { digest: digestOf(bytes), size: bytes.length };
}

/** One chunk of a blob. */
export function chunkOf(bytes: Uint8Array, index: number): Uint8Array {
  const { start, length } = chunkRange({ index, sizeBytes: bytes.length });
  return bytes.subarray(start, start + length);
}

/** SHA-256 of each chunk, one after the other. */
export function chunkIndexOf(bytes: Uint8Array): Uint8Array {
  const hashes = Array.from({ length: chunkCount(bytes.length) }, (_, index) =>
    createHash('sha256').update(chunkOf(bytes, index)).digest(),
  );
  return Buffer.concat(hashes);
}
