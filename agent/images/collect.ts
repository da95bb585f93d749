import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BlobStore } from '../../base/blob-store.ts';
import { isNotFound } from '../../base/durable-files.ts';
import { limits } from '../../contract/limits.ts';
import type { Digest } from '../../contract/names.ts';
import { parseImageManifest } from './opened-image.ts';

/**
 * Removes the blobs that none of `images` needs, and partial blobs that none of them waits for. An image
 * whose manifest is not here needs nothing yet; one whose manifest cannot be read stops the collection,
 * because then nobody knows what it needs. Must not run beside a pull. Returns how many files went.
 */
export async function collectGarbage(options: {
  blobs: BlobStore;
  partialFolder: string;
  images: ReadonlySet<Digest>;
  /** Further blobs to keep: the signatures of desired images. */
  keep: ReadonlySet<Digest>;
}): Promise<number> {
  const { blobs, partialFolder, images } = options;
  const needed = new Set<Digest>(options.keep);
  for (const image of images) {
    needed.add(image);
    if (!(await blobs.has(image))) continue;
    const manifest = parseImageManifest(await blobs.read(image, { bytesMax: limits.manifestBytesMax }));
    for (const { digest } of [manifest.config, ...manifest.layers]) needed.add(digest);
  }
  let removed = 0;
  const store = dirname(blobs.path(`sha256:${'0'.repeat(64)}`));
  for (const hex of await namesIn(store)) {
    if (!/^[0-9a-f]{64}$/.test(hex) || needed.has(`sha256:${hex}`)) continue;
    await blobs.remove(`sha256:${hex}`);
    removed += 1;
  }
  for (const name of await namesIn(partialFolder)) {
    if (needed.has(`sha256:${name.slice(0, 64)}`)) continue;
    await rm(join(partialFolder, name), { force: true });
    removed += 1;
  }
  return removed;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (thrown) {
    if (isNotFound(thrown)) return [];
    throw thrown;
  }
}
