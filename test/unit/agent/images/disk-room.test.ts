import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesToAllocate } from '../../../../agent/images/disk-room.ts';
import { PartialBlob } from '../../../../agent/images/partial-blob.ts';
import { BlobStore } from '../../../../base/blob-store.ts';
import { limits } from '../../../../contract/limits.ts';
import { chunkIndexOf, chunkOf, noise, referenceOf } from '../../../support/blobs.ts';
import { temporaryFolder } from '../../../support/paths.ts';

describe('the room that a pull needs', () => {
  it('is that of the blobs which are not here, without what their partial files hold already', async () => {
    const folder = temporaryFolder();
    const blobs = new BlobStore(folder);
    await blobs.start();
    const partialFolder = join(folder, 'partial');
    const here = noise(1_000, 1);
    await blobs.put(here);
    const large = noise(16 * limits.chunkBytes, 2);
    const needed = [referenceOf(here), referenceOf(large)];
    const room = () => bytesToAllocate({ blobs, partialFolder, references: needed });
    expect(await room()).toBe(large.length);
    const partial = new PartialBlob({
      path: join(partialFolder, referenceOf(large).digest.slice('sha256:'.length)),
      reference: referenceOf(large),
      index: chunkIndexOf(large),
      journalSyncBytes: limits.chunkBytes,
    });
    await partial.start();
    expect(await room()).toBe(large.length);
    for (let index = 0; index < 12; index += 1) await partial.write(index, chunkOf(large, index));
    await partial.stop();
    // A file system may set aside more than was written.
    expect(await room()).toBeLessThanOrEqual(4 * limits.chunkBytes);
  });
});
