import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from '../contract/names.ts';

/** `sha256:…` of bytes in memory. For small data: it blocks while it hashes. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `sha256:…` of a file, streamed. */
export async function digestOfFile(path: string, signal?: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}
