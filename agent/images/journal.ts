import type { BlobReference } from '../../contract/messages.ts';
import { crc32 } from '../../contract/npu/program.ts';

/**
 * Journal of a partial blob, little-endian.
 *
 *   offset  0  char[8]  magic "SLUICEJ1"
 *   offset  8  u8[32]   SHA-256 of the blob
 *   offset 40  u64      size of the blob
 *   offset 48  u32      CRC-32 of the 48 bytes before
 *   offset 52           records of 12 bytes: u32 first chunk, u32 count, u32 CRC-32 of header CRC, first and count
 *
 * A record is written after the data of its chunks was synced, so a readable record is evidence; the
 * first unreadable one, and all that follow, are none.
 */
export const journalLayout = { magic: 'SLUICEJ1', headerBytes: 52, recordBytes: 12 } as const;

/** A run of finished chunks. */
export interface ChunkRun {
  first: number;
  count: number;
}

/** The header of a blob's journal. */
export function encodeJournalHeader(reference: BlobReference): Uint8Array {
  const bytes = Buffer.alloc(journalLayout.headerBytes);
  bytes.write(journalLayout.magic, 0, 'latin1');
  bytes.write(reference.digest.slice('sha256:'.length), 8, 'hex');
  bytes.writeBigUInt64LE(BigInt(reference.size), 40);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 48)), 48);
  return bytes;
}

/** Records for runs of finished chunks, to be appended. */
export function encodeJournalRuns(reference: BlobReference, runs: readonly ChunkRun[]): Uint8Array {
  const { recordBytes } = journalLayout;
  const bytes = Buffer.alloc(runs.length * recordBytes);
  const seed = seedOf(encodeJournalHeader(reference));
  for (const [position, run] of runs.entries()) {
    const offset = position * recordBytes;
    bytes.writeUInt32LE(run.first, offset);
    bytes.writeUInt32LE(run.count, offset + 4);
    bytes.writeUInt32LE(recordCrc(seed, run), offset + 8);
  }
  return bytes;
}

/**
 * Reads a journal: the runs up to the first damaged record, and how many bytes of the file they take.
 * Undefined when the header is not that of this blob.
 */
export function decodeJournal(
  reference: BlobReference,
  bytes: Uint8Array,
  chunks: number,
): { runs: ChunkRun[]; validBytes: number } | undefined {
  const { headerBytes, recordBytes } = journalLayout;
  const header = encodeJournalHeader(reference);
  if (bytes.length < headerBytes || !Buffer.from(header).equals(bytes.subarray(0, headerBytes))) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seed = seedOf(header);
  const runs: ChunkRun[] = [];
  let offset: number = headerBytes;
  for (; offset + recordBytes <= bytes.length; offset += recordBytes) {
    const run = { first: view.getUint32(offset, true), count: view.getUint32(offset + 4, true) };
    if (view.getUint32(offset + 8, true) !== recordCrc(seed, run)) break;
    if (run.count === 0 || run.first + run.count > chunks) break;
    runs.push(run);
  }
  return { runs, validBytes: offset };
}

/** Joins ascending chunk indexes to runs. */
export function toRuns(indexes: readonly number[]): ChunkRun[] {
  const runs: ChunkRun[] = [];
  for (const index of indexes) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === index) last.count += 1;
    else runs.push({ first: index, count: 1 });
  }
  return runs;
}

// The header's CRC is part of each record's, so that a record of another blob's journal is no evidence here.
function seedOf(header: Uint8Array): number {
  return Buffer.from(header).readUInt32LE(journalLayout.headerBytes - 4);
}

function recordCrc(seed: number, run: ChunkRun): number {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(seed, 0);
  bytes.writeUInt32LE(run.first, 4);
  bytes.writeUInt32LE(run.count, 8);
  return crc32(bytes);
}
