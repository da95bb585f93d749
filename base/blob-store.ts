import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, type FileHandle, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { SluiceError } from '../contract/errors.ts';
import { limits } from '../contract/limits.ts';
import type { Digest } from '../contract/names.ts';
import { digestOf } from './digest.ts';
import {
  asDiskError,
  isNotFound,
  removeTemporaryFiles,
  renameDurably,
  syncFolder,
  writeFileDurably,
} from './durable-files.ts';

/**
 * Content-addressed files in the folder form of an OCI image layout: `<root>/blobs/sha256/<hex>`.
 * A blob is there whole or not at all, also after a power cut. Every write is verified before it is renamed into place.
 */
export class BlobStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes the folder and removes what an interrupted write left behind. */
  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await removeTemporaryFiles(this.#folder);
    await rm(this.#incoming, { recursive: true, force: true });
    await mkdir(this.#incoming, { recursive: true });
    await syncFolder(this.#root);
  }

  get #folder(): string {
    return join(this.#root, 'blobs', 'sha256');
  }

  get #incoming(): string {
    return join(this.#root, 'incoming');
  }

  /** Where a blob stands once it is here. */
  path(digest: Digest): string {
    return join(this.#folder, digest.slice('sha256:'.length));
  }

  /** Whether a blob is here. */
  async has(digest: Digest): Promise<boolean> {
    return access(this.path(digest)).then(
      () => true,
      () => false,
    );
  }

  /** Bytes of a blob; undefined when it is not here. */
  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  /** Stores bytes in memory under their digest. */
  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    if (!(await this.has(digest))) await writeFileDurably(this.path(digest), bytes);
    return digest;
  }

  /**
   * Stores a stream under the digest that it must have.
   * Throws `blob_digest_mismatch`, `limit_exceeded` or `disk_full`; then nothing is stored.
   */
  async putStream(source: Readable, expected: Digest): Promise<number> {
    const temporary = join(this.#incoming, randomUUID());
    const hash = createHash('sha256');
    let size = 0;
    let handle: FileHandle | undefined;
    try {
      handle = await open(temporary, 'wx');
      for await (const piece of source as AsyncIterable<Uint8Array>) {
        size += piece.length;
        if (size > limits.blobBytesMax) {
          throw new SluiceError('limit_exceeded', `blob: larger than ${limits.blobBytesMax} bytes`);
        }
        hash.update(piece);
        await handle.writeFile(piece);
      }
      const actual: Digest = `sha256:${hash.digest('hex')}`;
      if (actual !== expected) {
        throw new SluiceError('blob_digest_mismatch', `blob: its digest is ${actual}, ${expected} expected`);
      }
      await handle.sync();
      await renameDurably(temporary, this.path(expected));
    } catch (thrown) {
      await rm(temporary, { force: true });
      throw asDiskError(thrown, temporary);
    } finally {
      await handle?.close();
    }
    return size;
  }

  /** Takes over a finished, synced and verified file of the same file system. */
  async adopt(file: string, digest: Digest): Promise<void> {
    await renameDurably(file, this.path(digest));
  }

  /** A whole blob, verified on read. Throws `blob_unavailable` or `blob_digest_mismatch`. */
  async read(digest: Digest, options: { bytesMax: number }): Promise<Uint8Array> {
    const size = await this.size(digest);
    if (size === undefined) throw unavailable(digest);
    if (size > options.bytesMax) {
      throw new SluiceError(
        'limit_exceeded',
        `blob ${digest}: ${size} bytes, at most ${options.bytesMax} allowed here`,
      );
    }
    const bytes = await readFile(this.path(digest));
    const actual = digestOf(bytes);
    if (actual !== digest) {
      throw new SluiceError(
        'blob_digest_mismatch',
        `blob ${digest}: its bytes on disk have the digest ${actual}`,
      );
    }
    return bytes;
  }

  /** A blob as a stream, not verified. */
  stream(digest: Digest): Readable {
    return createReadStream(this.path(digest), { highWaterMark: 1 << 18 });
  }

  /** Part of a blob, not verified: the receiver does that. Throws `blob_unavailable`. */
  async readRange(digest: Digest, options: { start: number; length: number }): Promise<Uint8Array> {
    try {
      const handle = await open(this.path(digest), 'r');
      try {
        const buffer = Buffer.allocUnsafe(options.length);
        const { bytesRead } = await handle.read(buffer, 0, options.length, options.start);
        return buffer.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    } catch (thrown) {
      if (isNotFound(thrown)) throw unavailable(digest);
      throw thrown;
    }
  }

  /** Forgets a blob; one that is not here is no error. */
  async remove(digest: Digest): Promise<void> {
    await rm(this.path(digest), { force: true });
  }
}

function unavailable(digest: Digest): SluiceError {
  return new SluiceError('blob_unavailable', `blob ${digest} is not here`);
}
