import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { digestOfFile } from '../../base/digest.ts';
import { asDiskError, isNotFound, syncFolder, writeFileDurably } from '../../base/durable-files.ts';
import { checkChunkIndex, chunkCount, chunkHashBytes, chunkRange } from '../../contract/chunk-index.ts';
import { limits } from '../../contract/limits.ts';
import type { BlobReference } from '../../contract/messages.ts';
import type { ChunkSink } from './chunk-sink.ts';
import { decodeJournal, encodeJournalHeader, encodeJournalRuns, toRuns } from './journal.ts';

/** What a partial blob is made of. */
export interface PartialBlobOptions {
  /** The data file; its journal stands beside it. */
  path: string;
  reference: BlobReference;
  /** SHA-256 of each chunk, signed with the image. */
  index: Uint8Array;
  journalSyncBytes: number;
}

/**
 * A blob on its way: a sparse file of its final size and an append-only journal of the chunks in it.
 * Data is synced before the journal names it, so a power cut at any byte costs at most `journalSyncBytes`
 * and never lets a wrong byte pass.
 */
export class PartialBlob implements ChunkSink {
  readonly reference: BlobReference;
  readonly #path: string;
  readonly #index: Uint8Array;
  readonly #journalSyncBytes: number;
  readonly #have: Uint8Array;
  #haveBytes = 0;
  #unsynced: number[] = [];
  #syncing: Promise<void> = Promise.resolve();
  #data: FileHandle | undefined;
  #journal: FileHandle | undefined;

  constructor(options: PartialBlobOptions) {
    this.reference = options.reference;
    this.#path = options.path;
    this.#index = options.index;
    this.#journalSyncBytes = options.journalSyncBytes;
    this.#have = new Uint8Array(chunkCount(options.reference.size));
  }

  get haveBytes(): number {
    return this.#haveBytes;
  }

  get #journalPath(): string {
    return `${this.#path}.journal`;
  }

  /** Opens or makes both files and finds out what is there. Throws `manifest_invalid` or `disk_full`. */
  async start(): Promise<void> {
    checkChunkIndex({ index: this.#index, sizeBytes: this.reference.size });
    await mkdir(dirname(this.#path), { recursive: true });
    const sizeBefore = await sizeOf(this.#path);
    const journal = await readOrEmpty(this.#journalPath);
    this.#data = await open(this.#path, sizeBefore === undefined ? 'w+' : 'r+');
    if (sizeBefore !== this.reference.size) await this.#data.truncate(this.reference.size);
    const decoded = decodeJournal(this.reference, journal, this.#have.length);
    if (sizeBefore === undefined) {
      await this.#rewriteJournal();
    } else if (decoded === undefined || sizeBefore !== this.reference.size) {
      await this.#recheck(this.#have.length);
    } else {
      await this.#resume(decoded);
    }
  }

  /** Takes the journal's word, and hashes again what may have been written after its last record. */
  async #resume(decoded: { runs: { first: number; count: number }[]; validBytes: number }): Promise<void> {
    let end = 0;
    for (const { first, count } of decoded.runs) {
      for (let index = first; index < first + count; index += 1) this.#mark(index);
      end = Math.max(end, first + count);
    }
    this.#journal = await open(this.#journalPath, 'r+');
    await this.#journal.truncate(decoded.validBytes);
    const unsyncedChunks = Math.ceil(this.#journalSyncBytes / limits.chunkBytes);
    const doubtEnd = Math.min(this.#have.length, end + unsyncedChunks + limits.blobWindowChunksMax);
    await this.#rehash(doubtEnd, { onlyMissing: true });
  }

  /** Forgets what the journal says, hashes the first `end` chunks and writes a fresh journal. */
  async #recheck(end: number): Promise<void> {
    this.#have.fill(0);
    this.#haveBytes = 0;
    await this.#rehash(end, { onlyMissing: false });
    await this.#rewriteJournal();
  }

  async #rehash(end: number, options: { onlyMissing: boolean }): Promise<void> {
    const data = this.#opened(this.#data);
    const buffer = Buffer.allocUnsafe(limits.chunkBytes);
    for (let index = 0; index < end; index += 1) {
      if (options.onlyMissing && this.#have[index] === 1) continue;
      const { start, length } = chunkRange({ index, sizeBytes: this.reference.size });
      const { bytesRead } = await data.read(buffer, 0, length, start);
      if (this.accepts(index, buffer.subarray(0, bytesRead))) {
        this.#mark(index);
        this.#unsynced.push(index);
      }
    }
  }

  async #rewriteJournal(): Promise<void> {
    await this.#journal?.close();
    this.#journal = undefined;
    await writeFileDurably(this.#journalPath, encodeJournalHeader(this.reference));
    await syncFolder(dirname(this.#path));
    this.#journal = await open(this.#journalPath, 'r+');
    if (this.#unsynced.length > 0) await this.sync();
  }

  missing(): number[] {
    const indexes: number[] = [];
    for (const [index, here] of this.#have.entries()) if (here === 0) indexes.push(index);
    return indexes;
  }

  accepts(index: number, bytes: Uint8Array): boolean {
    if (index >= this.#have.length) return false;
    const { length } = chunkRange({ index, sizeBytes: this.reference.size });
    if (bytes.length !== length) return false;
    const expected = this.#index.subarray(index * chunkHashBytes, (index + 1) * chunkHashBytes);
    return createHash('sha256').update(bytes).digest().equals(expected);
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    const { start } = chunkRange({ index, sizeBytes: this.reference.size });
    try {
      await writeFully(this.#opened(this.#data), bytes, start);
      if (this.#have[index] === 1) return;
      this.#mark(index);
      this.#unsynced.push(index);
      if (this.#unsynced.length * limits.chunkBytes >= this.#journalSyncBytes) await this.sync();
    } catch (thrown) {
      throw asDiskError(thrown, this.#path);
    }
  }

  /** Makes everything written so far survive a power cut. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing.then(() => this.#syncOnce());
    return this.#syncing;
  }

  async #syncOnce(): Promise<void> {
    const finished = this.#unsynced;
    if (finished.length === 0) return;
    this.#unsynced = [];
    await this.#opened(this.#data).datasync();
    const journal = this.#opened(this.#journal);
    const records = encodeJournalRuns(this.reference, toRuns(finished.sort((left, right) => left - right)));
    await writeFully(journal, records, (await journal.stat()).size);
    await journal.datasync();
  }

  /**
   * Whether the whole file has the blob's digest; it is synced then and may be taken away.
   * If not, every chunk is hashed again and the bad ones are missing once more.
   */
  async verify(signal?: AbortSignal): Promise<boolean> {
    await this.sync();
    if ((await digestOfFile(this.#path, signal)) === this.reference.digest) {
      await this.#opened(this.#data).sync();
      return true;
    }
    await this.#recheck(this.#have.length);
    return false;
  }

  /** Syncs and closes both files; what is there stays for a later start. Idempotent. */
  async stop(): Promise<void> {
    const [data, journal] = [this.#data, this.#journal];
    if (data !== undefined && journal !== undefined) await this.sync().catch(() => undefined);
    this.#data = undefined;
    this.#journal = undefined;
    await data?.close();
    await journal?.close();
  }

  /** Removes both files after `stop()`. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
    await rm(this.#journalPath, { force: true });
  }

  #mark(index: number): void {
    if (this.#have[index] === 1) return;
    this.#have[index] = 1;
    this.#haveBytes += chunkRange({ index, sizeBytes: this.reference.size }).length;
  }

  #opened(handle: FileHandle | undefined): FileHandle {
    if (handle === undefined) throw new Error('partial blob used before start() or after stop()');
    return handle;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
}

async function readOrEmpty(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (thrown) {
    if (isNotFound(thrown)) return new Uint8Array();
    throw thrown;
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
