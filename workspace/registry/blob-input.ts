import { readFile } from 'node:fs/promises';
import type { BlobStore } from '../../base/blob-store.ts';
import { digestOfFile } from '../../base/digest.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Digest } from '../../contract/names.ts';

/**
 * Reads a blob that a request names, verified without blocking the event loop.
 * Throws `blob_unavailable`, `limit_exceeded`, `invalid_request` for an empty one, or `blob_digest_mismatch`.
 */
export async function readBlobInput(
  blobs: BlobStore,
  digest: Digest,
  options: { field: string; bytesMax: number },
): Promise<Uint8Array> {
  const { field, bytesMax } = options;
  const size = await blobs.size(digest);
  if (size === undefined) {
    throw new SluiceError(
      'blob_unavailable',
      `${field}: the workspace does not hold blob ${digest}; upload it with PUT /api/v1/blobs/${digest}`,
    );
  }
  if (size === 0) throw new SluiceError('invalid_request', `${field}: blob ${digest} is empty`);
  if (size > bytesMax) {
    throw new SluiceError('limit_exceeded', `${field}: ${size} bytes, at most ${bytesMax} allowed`);
  }
  const actual = await digestOfFile(blobs.path(digest));
  if (actual !== digest) {
    throw new SluiceError(
      'blob_digest_mismatch',
      `${field}: blob ${digest} is damaged on the workspace's disk (${actual}); upload it again`,
    );
  }
  return readFile(blobs.path(digest));
}
