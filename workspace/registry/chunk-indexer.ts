import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { chunkCount, chunkHashBytes, chunkRange } from '../../contract/chunk-index.ts';

/** The chunk index of a file: SHA-256 of each chunk, one after the other. */
export async function chunkIndexOfFile(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const sizeBytes = (await handle.stat()).size;
    const index = new Uint8Array(chunkCount(sizeBytes) * chunkHashBytes);
    for (let chunk = 0; chunk < chunkCount(sizeBytes); chunk += 1) {
      const { start, length } = chunkRange({ index: chunk, sizeBytes });
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, start);
      if (bytesRead !== length) throw new Error(`${path} changed while it was read`);
      index.set(createHash('sha256').update(buffer).digest(), chunk * chunkHashBytes);
    }
    return index;
  } finally {
    await handle.close();
  }
}
