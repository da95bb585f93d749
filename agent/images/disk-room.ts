import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobStore } from '../../base/blob-store.ts';
import { isNotFound } from '../../base/durable-files.ts';
import type { BlobReference } from '../../contract/messages.ts';

/** Unit of `blocks` in what `stat` gives (POSIX leaves it open; libuv and Linux use 512 bytes). */
const statBlockBytes = 512;

/**
 * Bytes that a pull of these blobs still has to take from the disk. What a partial file holds is taken
 * already: without that, a transfer that was cut off could need the same room twice and never go on.
 */
export async function bytesToAllocate(options: {
  blobs: BlobStore;
  partialFolder: string;
  references: readonly BlobReference[];
}): Promise<number> {
  const { blobs, partialFolder, references } = options;
  let bytes = 0;
  for (const { digest, size } of references) {
    if ((await blobs.size(digest)) === size) continue;
    const allocated = await allocatedBytes(join(partialFolder, digest.slice('sha256:'.length)));
    bytes += Math.max(0, size - allocated);
  }
  return bytes;
}

/** Partial files are sparse, so their size tells nothing. */
async function allocatedBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).blocks * statBlockBytes;
  } catch (thrown) {
    if (isNotFound(thrown)) return 0;
    throw thrown;
  }
}
