import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { journalLayout } from '../../../../agent/images/journal.ts';
import { PartialBlob } from '../../../../agent/images/partial-blob.ts';
import { digestOf } from '../../../../base/digest.ts';
import { limits } from '../../../../contract/limits.ts';
import { chunkIndexOf, chunkOf, noise, referenceOf } from '../../../support/blobs.ts';
import { seededFractions } from '../../../support/fractions.ts';
import { temporaryFolder } from '../../../support/paths.ts';

const bytes = noise(5 * limits.chunkBytes + 1234, 7);
const chunks = 6;
const index = chunkIndexOf(bytes);
const journalSyncBytes = 2 * limits.chunkBytes;

function partialAt(path: string): PartialBlob {
  return new PartialBlob({ path, reference: referenceOf(bytes), index, journalSyncBytes });
}

/** Writes some chunks as an interrupted transfer would have. */
async function interrupted(path: string, written: readonly number[]): Promise<void> {
  const partial = partialAt(path);
  await partial.start();
  for (const chunk of written) await partial.write(chunk, chunkOf(bytes, chunk));
  await partial.stop();
}

/** Brings what is missing, and says how many chunks that were and whether the blob is whole then. */
async function finish(path: string): Promise<{ fetched: number }> {
  const partial = partialAt(path);
  await partial.start();
  let fetched = 0;
  for (let round = 0; ; round += 1) {
    for (const chunk of partial.missing()) {
      await partial.write(chunk, chunkOf(bytes, chunk));
      fetched += 1;
    }
    if (await partial.verify()) break;
    expect(round).toBeLessThan(2);
  }
  await partial.stop();
  expect(digestOf(await readFile(path))).toBe(referenceOf(bytes).digest);
  return { fetched };
}

describe('PartialBlob', () => {
  it('resumes with exactly the chunks that are missing', async () => {
    const path = join(temporaryFolder(), 'blob');
    await interrupted(path, [0, 3, 5]);
    const partial = partialAt(path);
    await partial.start();
    expect(partial.missing()).toEqual([1, 2, 4]);
    expect(partial.haveBytes).toBe(2 * limits.chunkBytes + 1234);
    await partial.stop();
    expect(await finish(path)).toEqual({ fetched: 3 });
  });

  it('ends whole when the journal is cut at any byte, and fetches nothing that is on disk', async () => {
    const folder = temporaryFolder();
    const [data, path] = [join(folder, 'data'), join(folder, 'blob')];
    await interrupted(data, [0, 1, 2, 3]);
    const journal = await readFile(`${data}.journal`);
    expect(journal.length).toBe(journalLayout.headerBytes + 2 * journalLayout.recordBytes);
    for (let cut = 0; cut <= journal.length; cut += 1) {
      await copyFile(data, path);
      await writeFile(`${path}.journal`, journal.subarray(0, cut));
      expect(await finish(path)).toEqual({ fetched: 2 });
    }
  });

  it('accepts no flipped byte of the journal', async () => {
    const folder = temporaryFolder();
    const [data, path] = [join(folder, 'data'), join(folder, 'blob')];
    await interrupted(data, [0, 1]);
    const journal = await readFile(`${data}.journal`);
    for (let offset = 0; offset < journal.length; offset += 1) {
      const damaged = Buffer.from(journal);
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 << (offset % 8));
      await copyFile(data, path);
      await writeFile(`${path}.journal`, damaged);
      const partial = partialAt(path);
      await partial.start();
      expect(partial.missing()).toEqual([2, 3, 4, 5]);
      await partial.stop();
    }
  });

  it('ends whole when the data is cut anywhere, whatever the journal claims', async () => {
    const folder = temporaryFolder();
    const [data, path] = [join(folder, 'data'), join(folder, 'blob')];
    await interrupted(data, [0, 1, 2, 3, 4, 5]);
    const { chunkBytes } = limits;
    const cuts = [0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes + 17, bytes.length - 1];
    for (const cut of cuts) {
      await copyFile(data, path);
      await copyFile(`${data}.journal`, `${path}.journal`);
      await truncate(path, cut);
      expect(await finish(path)).toEqual({ fetched: chunks - Math.floor(cut / chunkBytes) });
    }
  });

  it('finds a byte that flipped on disk, wherever it is, and fetches that chunk alone', async () => {
    const folder = temporaryFolder();
    const [data, path] = [join(folder, 'data'), join(folder, 'blob')];
    await interrupted(data, [0, 1, 2, 3, 4, 5]);
    const random = seededFractions(3);
    for (let trial = 0; trial < 30; trial += 1) {
      const damaged = Buffer.from(bytes);
      const offset = Math.floor(random() * bytes.length);
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 << Math.floor(random() * 8));
      await writeFile(path, damaged);
      await copyFile(`${data}.journal`, `${path}.journal`);
      expect(await finish(path)).toEqual({ fetched: 1 });
    }
  });

  it('does not take the journal of another blob for its own', async () => {
    const path = join(temporaryFolder(), 'blob');
    await interrupted(path, [0, 1, 2]);
    const other = noise(bytes.length, 8);
    const partial = new PartialBlob({
      path,
      reference: referenceOf(other),
      index: chunkIndexOf(other),
      journalSyncBytes,
    });
    await partial.start();
    expect(partial.missing()).toHaveLength(chunks);
    await partial.stop();
  });

  it('refuses wrong bytes, wrong lengths and chunks beyond the end', async () => {
    const partial = partialAt(join(temporaryFolder(), 'blob'));
    await partial.start();
    const wrong = Uint8Array.from(chunkOf(bytes, 0));
    wrong[100] = (wrong[100] ?? 0) ^ 1;
    expect(partial.accepts(0, chunkOf(bytes, 0))).toBe(true);
    expect(partial.accepts(0, wrong)).toBe(false);
    expect(partial.accepts(1, chunkOf(bytes, 0))).toBe(false);
    expect(partial.accepts(0, chunkOf(bytes, 0).subarray(1))).toBe(false);
    expect(partial.accepts(chunks, chunkOf(bytes, 0))).toBe(false);
    await partial.stop();
  });

  it('refuses an index that is not that of the blob', async () => {
    const path = join(temporaryFolder(), 'blob');
    const short = new PartialBlob({
      path,
      reference: referenceOf(bytes),
      index: index.subarray(32),
      journalSyncBytes,
    });
    await expect(short.start()).rejects.toMatchObject({ code: 'manifest_invalid' });
  });
});
