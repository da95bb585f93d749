import { type FileHandle, mkdir, open, readdir, rm, rmdir, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isNotFound } from '../../base/durable-files.ts';
import { SluiceError } from '../../contract/errors.ts';
import { hourOfFolder, instanceOf, ownsFile, type Seat } from './collection-files.ts';
import type { CollectionLimits } from './collection-limits.ts';
import type { ApartFile } from './event-line.ts';

/** What is written to one hour's folder at once. */
export interface HourBatch {
  /** Below the root. */
  folder: string;
  lines: Buffer[];
  apart: ApartFile[];
}

/** What a disk needs. */
export interface CollectionDiskOptions extends Seat {
  root: string;
  /** What this process's files may take. */
  bytesMax: number;
  limits: Pick<CollectionLimits, 'freeBytesMin' | 'rescanMs'>;
  nowMs: () => number;
}

/** What a file takes is counted in blocks, so that small files, and with them their number, are bounded too. */
const blockBytes = 4096;
const lineFeed = 0x0a;
/** `{endpoint}/{deployment}/{collection}/{yyyy}/{MM}/{dd}/{HH}`. */
const hourDepth = 7;

/**
 * The files of collected data as a ring: when they would take too much, the oldest hours go. Nothing is synced; a
 * line that a power cut tore is ended before the next one. One call at a time.
 */
export class CollectionDisk {
  readonly #options: CollectionDiskOptions;
  readonly #file: string;
  /** Bytes by hour's folder. */
  #hours = new Map<string, number>();
  /** These folders, oldest first; undefined when it is not known. */
  #oldest: string[] | undefined;
  #bytes = 0;
  #removedBytes = 0;
  #scannedMs = Number.NEGATIVE_INFINITY;

  constructor(options: CollectionDiskOptions) {
    this.#options = options;
    this.#file = `${instanceOf(options)}.jsonl`;
  }

  /** What the files take, in whole blocks. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What was removed to make room. */
  get removedBytes(): number {
    return this.#removedBytes;
  }

  /** Looks at what is there. Throws what the file system does. */
  async scan(): Promise<void> {
    const hours = new Map<string, number>();
    await this.#scanFolder('', 0, hours);
    this.#hours = hours;
    this.#oldest = undefined;
    this.#bytes = [...hours.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#scannedMs = this.#options.nowMs();
  }

  /** Looks again before the next write that finds no room. */
  mistrust(): void {
    this.#scannedMs = Number.NEGATIVE_INFINITY;
  }

  /** Throws `disk_full` when there is too little room for this much. */
  async checkFree(bytes: number): Promise<void> {
    const { root, limits } = this.#options;
    await mkdir(root, { recursive: true });
    const { bavail, bsize } = await statfs(root);
    if (bavail * bsize - bytes >= limits.freeBytesMin) return;
    throw new SluiceError(
      'disk_full',
      `${root}: less than ${limits.freeBytesMin} bytes are free on the disk`,
    );
  }

  /** Appends lines. Throws `limit_exceeded` when this hour fills the ring, and what the file system does. */
  async write({ folder, lines, apart }: HourBatch): Promise<void> {
    const path = join(this.#options.root, folder, this.#file);
    const added = lines.reduce((sum, { length }) => sum + length, 0);
    const before = await sizeOf(path);
    const needed =
      blocks(before + added + 1) -
      blocks(before) +
      apart.reduce((sum, { bytes }) => sum + blocks(bytes.length), 0);
    await this.#makeRoom(folder, needed);
    const handle = await openForAppending(path);
    try {
      for (const { name, bytes } of apart) await writeFile(join(dirname(path), name), bytes, { flag: 'wx' });
      const end = (await isTorn(handle)) ? [Buffer.of(lineFeed)] : [];
      await handle.appendFile(Buffer.concat([...end, ...lines]));
    } finally {
      await handle.close();
    }
    this.#count(folder, needed);
  }

  async #makeRoom(folder: string, needed: number): Promise<void> {
    const { bytesMax, limits, nowMs } = this.#options;
    const isFull = (): boolean => this.#bytes + needed > bytesMax;
    if (isFull() && nowMs() - this.#scannedMs >= limits.rescanMs) await this.scan();
    if (!isFull()) return;
    const hour = hourOfFolder(folder);
    const [current, earlier] = this.#divide(hour);
    if (current + needed > bytesMax) {
      throw new SluiceError('limit_exceeded', `collected data: this hour's takes all of ${bytesMax} bytes`);
    }
    for (const oldest of earlier) {
      await this.#remove(oldest);
      if (!isFull()) return;
    }
  }

  /** What the folders of an hour take, and all others, oldest first. */
  #divide(hour: string | undefined): [current: number, others: string[]] {
    let current = 0;
    const others: string[] = [];
    for (const folder of this.#inOrder()) {
      if (hourOfFolder(folder) === hour) current += this.#hours.get(folder) ?? 0;
      else others.push(folder);
    }
    return [current, others];
  }

  #inOrder(): readonly string[] {
    this.#oldest ??= [...this.#hours.keys()].sort((one, other) =>
      (hourOfFolder(one) ?? '') < (hourOfFolder(other) ?? '') ? -1 : 1,
    );
    return this.#oldest;
  }

  async #remove(folder: string): Promise<void> {
    const { root } = this.#options;
    const bytes = this.#hours.get(folder) ?? 0;
    for (const name of await filesOf(join(root, folder))) {
      if (ownsFile(name, this.#options)) await rm(join(root, folder, name), { force: true });
    }
    this.#hours.delete(folder);
    this.#oldest = this.#oldest?.filter((each) => each !== folder);
    this.#bytes -= bytes;
    this.#removedBytes += bytes;
    await removeEmpty(folder, root);
  }

  #count(folder: string, bytes: number): void {
    if (!this.#hours.has(folder)) this.#oldest = undefined;
    this.#hours.set(folder, (this.#hours.get(folder) ?? 0) + bytes);
    this.#bytes += bytes;
  }

  async #scanFolder(folder: string, depth: number, hours: Map<string, number>): Promise<void> {
    const path = join(this.#options.root, folder);
    if (depth < hourDepth) {
      for (const name of await foldersOf(path)) {
        await this.#scanFolder(depth === 0 ? name : `${folder}/${name}`, depth + 1, hours);
      }
      return;
    }
    if (hourOfFolder(folder) === undefined) return;
    for (const name of await filesOf(path)) {
      if (!ownsFile(name, this.#options)) continue;
      hours.set(folder, (hours.get(folder) ?? 0) + blocks(await sizeOf(join(path, name))));
    }
  }
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}

/** 0 for a file that is not there. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (thrown) {
    if (isNotFound(thrown)) return 0;
    throw thrown;
  }
}

async function openForAppending(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true });
  try {
    return await open(path, 'a+');
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
    // Another process, or whoever took the files away, may have removed the empty folder in between.
    await mkdir(dirname(path), { recursive: true });
    return open(path, 'a+');
  }
}

async function isTorn(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== lineFeed;
}

async function entriesOf(path: string): Promise<{ name: string; isFile: boolean; isFolder: boolean }[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({
      name: entry.name,
      isFile: entry.isFile(),
      isFolder: entry.isDirectory(),
    }));
  } catch (thrown) {
    if (isNotFound(thrown)) return [];
    throw thrown;
  }
}

async function filesOf(path: string): Promise<string[]> {
  return (await entriesOf(path)).filter(({ isFile }) => isFile).map(({ name }) => name);
}

async function foldersOf(path: string): Promise<string[]> {
  return (await entriesOf(path)).filter(({ isFolder }) => isFolder).map(({ name }) => name);
}

/** Removes a folder and those above it up to the root, as far as they are empty. */
async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let path = folder; path !== '.' && path !== ''; path = dirname(path)) {
    try {
      await rmdir(join(root, path));
    } catch {
      return;
    }
  }
}
