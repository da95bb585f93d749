import { access, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BlobStore } from '../../../base/blob-store.ts';
import { digestOf } from '../../../base/digest.ts';
import { temporaryFolder } from '../../support/paths.ts';

async function store(): Promise<{ blobs: BlobStore; root: string }> {
  const root = temporaryFolder();
  const blobs = new BlobStore(root);
  await blobs.start();
  return { blobs, root };
}

const bytes = Buffer.from('a blob of some bytes');
const digest = digestOf(bytes);

describe('blob store', () => {
  it('keeps bytes under their digest', async () => {
    const { blobs } = await store();
    expect(await blobs.has(digest)).toBe(false);
    expect(await blobs.put(bytes)).toBe(digest);
    expect(await blobs.size(digest)).toBe(bytes.length);
    expect(Buffer.from(await blobs.read(digest, { bytesMax: 100 }))).toEqual(bytes);
    expect(Buffer.from(await blobs.readRange(digest, { start: 2, length: 4 }))).toEqual(bytes.subarray(2, 6));
  });

  it('stores a stream only under the digest that it has', async () => {
    const { blobs, root } = await store();
    const wrong = digestOf('something else');
    await expect(blobs.putStream(Readable.from([bytes]), wrong)).rejects.toMatchObject({
      code: 'blob_digest_mismatch',
    });
    expect(await blobs.has(wrong)).toBe(false);
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
    expect(await blobs.putStream(Readable.from([bytes.subarray(0, 5), bytes.subarray(5)]), digest)).toBe(
      bytes.length,
    );
    expect(await blobs.has(digest)).toBe(true);
  });

  it('finds a blob that changed on disk', async () => {
    const { blobs } = await store();
    await blobs.put(bytes);
    await writeFile(blobs.path(digest), 'a blob of same length');
    await expect(blobs.read(digest, { bytesMax: 100 })).rejects.toMatchObject({
      code: 'blob_digest_mismatch',
    });
  });

  it('names what is missing or too large', async () => {
    const { blobs } = await store();
    await expect(blobs.read(digest, { bytesMax: 100 })).rejects.toMatchObject({ code: 'blob_unavailable' });
    await expect(blobs.readRange(digest, { start: 0, length: 1 })).rejects.toMatchObject({
      code: 'blob_unavailable',
    });
    await blobs.put(bytes);
    await expect(blobs.read(digest, { bytesMax: 3 })).rejects.toMatchObject({ code: 'limit_exceeded' });
  });

  it('clears at start what a power cut left of a write from memory', async () => {
    const { blobs, root } = await store();
    await blobs.put(bytes);
    const left = `${blobs.path(digest)}.00000000-0000-4000-8000-000000000000.tmp`;
    await writeFile(left, 'who');
    await new BlobStore(root).start();
    await expect(access(left)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await blobs.has(digest)).toBe(true);
  });

  it('clears at start what an interrupted write left', async () => {
    const { blobs, root } = await store();
    await writeFile(join(root, 'incoming', 'half'), 'half');
    await blobs.start();
    expect(await readdir(join(root, 'incoming'))).toEqual([]);
  });
});
