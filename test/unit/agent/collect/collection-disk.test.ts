import { readFileSync } from 'node:fs';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CollectionDisk, type CollectionDiskOptions } from '../../../../agent/collect/collection-disk.ts';
import { hourFolder, hourOf, ownsFile } from '../../../../agent/collect/collection-files.ts';
import { filesBelow } from '../../../support/collected.ts';
import { temporaryFolder } from '../../../support/paths.ts';

const block = 4096;

function folderOf(hour: number, collection: 'request' | 'response' = 'request'): string {
  const instantMs = Date.UTC(2026, 11, 31, hour);
  return hourFolder({ endpoint: 'shop', deployment: 'blue', collection, hour: hourOf(instantMs) });
}

function makeDisk(options: Partial<CollectionDiskOptions> = {}) {
  const root = options.root ?? temporaryFolder();
  const clock = { nowMs: 0 };
  const disk = new CollectionDisk({
    ...{ root, device: 'edge', seat: 0, seats: 1, bytesMax: 4 * block },
    limits: { freeBytesMin: 0, rescanMs: 1000 },
    nowMs: () => clock.nowMs,
    ...options,
  });
  const write = (folder: string, text = 'line\n', apart: { name: string; bytes: Uint8Array }[] = []) =>
    disk.write({ folder, lines: [Buffer.from(text)], apart });
  return { disk, root, clock, write };
}

describe('files of collected data', () => {
  it('have one folder an hour, and grow', async () => {
    const { disk, root, write } = makeDisk();
    await write(folderOf(7), 'one\n');
    await write(folderOf(7), 'two\n', [{ name: 'edge.id.bin', bytes: Buffer.alloc(block + 1) }]);
    const folder = 'shop/blue/request/2026/12/31/07';
    expect(filesBelow(root)).toEqual([`${folder}/edge.id.bin`, `${folder}/edge.jsonl`]);
    expect(readFileSync(join(root, folder, 'edge.jsonl'), 'utf8')).toBe('one\ntwo\n');
    expect(disk.bytes).toBe(3 * block);
    await disk.scan();
    expect(disk.bytes).toBe(3 * block);
  });

  it('go on behind a line that a power cut tore', async () => {
    const { root, write } = makeDisk();
    const path = join(root, folderOf(1), 'edge.jsonl');
    await write(folderOf(1), '{"a":1}\n');
    await appendFile(path, '{"a":');
    await write(folderOf(1), '{"a":2}\n');
    expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n{"a":\n{"a":2}\n');
  });

  it('go when room is needed, the oldest hours first, with their empty folders', async () => {
    const { disk, root, write } = makeDisk();
    for (const hour of [3, 1, 2]) await write(folderOf(hour));
    await write(folderOf(4, 'response'), 'line\n', [{ name: 'edge.id.bin', bytes: Buffer.alloc(block) }]);
    expect(filesBelow(root)).toEqual([
      'shop/blue/request/2026/12/31/02/edge.jsonl',
      'shop/blue/request/2026/12/31/03/edge.jsonl',
      'shop/blue/response/2026/12/31/04/edge.id.bin',
      'shop/blue/response/2026/12/31/04/edge.jsonl',
    ]);
    expect([disk.bytes, disk.removedBytes]).toEqual([4 * block, block]);
    await expect(write(folderOf(5), 'x'.repeat(5 * block))).rejects.toThrowError(
      expect.objectContaining({ code: 'limit_exceeded' }),
    );
    // Nothing goes for what finds no room anyway.
    expect([filesBelow(root).length, disk.bytes]).toEqual([4, 4 * block]);
  });

  it('never go while their hour lasts', async () => {
    const { root, write } = makeDisk({ bytesMax: block });
    await write(folderOf(1));
    await expect(write(folderOf(1, 'response'))).rejects.toThrowError(
      expect.objectContaining({ code: 'limit_exceeded' }),
    );
    expect(filesBelow(root)).toHaveLength(1);
  });

  it('may be taken away by others, and those that are not ours stay', async () => {
    const { disk, root, clock, write } = makeDisk({ bytesMax: 2 * block });
    const foreign = join(root, folderOf(0), 'notes.txt');
    await mkdir(dirname(foreign), { recursive: true });
    await writeFile(foreign, 'x');
    await write(folderOf(1));
    await write(folderOf(2));
    await rm(join(root, folderOf(2)), { recursive: true });
    clock.nowMs = 1000;
    await write(folderOf(3));
    expect(filesBelow(root)).toEqual([
      'shop/blue/request/2026/12/31/00/notes.txt',
      'shop/blue/request/2026/12/31/01/edge.jsonl',
      'shop/blue/request/2026/12/31/03/edge.jsonl',
    ]);
    expect(disk.removedBytes).toBe(0);
  });

  it('are bounded anew when they are found, also those of processes that are no more', async () => {
    const root = temporaryFolder();
    for (const seat of [0, 1, 2]) await makeDisk({ root, seat, seats: 3 }).write(folderOf(seat));
    const { disk, write } = makeDisk({ root, bytesMax: 2 * block });
    await disk.scan();
    expect(disk.bytes).toBe(3 * block);
    await write(folderOf(3));
    expect(filesBelow(root)).toEqual([
      'shop/blue/request/2026/12/31/02/edge-2.jsonl',
      'shop/blue/request/2026/12/31/03/edge.jsonl',
    ]);
  });

  it('belong to one process each', () => {
    const owners = (name: string, seats: number) =>
      Array.from({ length: seats }, (_, seat) => seat).filter((seat) =>
        ownsFile(name, { device: 'cam-1', seat, seats }),
      );
    expect(owners('cam-1.jsonl', 2)).toEqual([0]);
    expect(owners('cam-1-1.id.bin', 2)).toEqual([1]);
    expect(owners('cam-1-2.jsonl', 2)).toEqual([0]);
    expect(owners('cam-1-x.jsonl', 2)).toEqual([]);
    expect(owners('cam-2.jsonl', 2)).toEqual([]);
  });

  it('leave room to everything else', async () => {
    const { disk } = makeDisk({ limits: { freeBytesMin: Number.MAX_SAFE_INTEGER, rescanMs: 0 } });
    await expect(disk.checkFree(1)).rejects.toThrowError(expect.objectContaining({ code: 'disk_full' }));
  });
});
