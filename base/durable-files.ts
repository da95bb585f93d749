import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '../contract/errors.ts';

/** What `writeFileDurably` names its temporary files. */
const temporaryFile = /\.[0-9a-f-]{36}\.tmp$/;

/** Makes a rename or a new file in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Moves a finished, synced file to its place so that after a power cut either the old or the new one stands there.
 */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/**
 * Writes a whole file: temporary file, fsync, rename, fsync of the folder.
 * Throws `disk_full` with the old file untouched.
 */
export async function writeFileDurably(
  path: string,
  bytes: Uint8Array | string,
  options: { mode?: number } = {},
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', options.mode ?? 0o644);
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await renameDurably(temporary, path);
  } catch (thrown) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw asDiskError(thrown, path);
  }
}

/** Removes temporary files that a power cut left in a folder; one that is not there holds none. */
export async function removeTemporaryFiles(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (thrown) {
    if (isNotFound(thrown)) return;
    throw thrown;
  }
  for (const name of names.filter((entry) => temporaryFile.test(entry))) {
    await rm(join(folder, name), { force: true });
  }
}

/** Names a full disk by its code; anything else passes unchanged. */
export function asDiskError(thrown: unknown, path: string): unknown {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SluiceError('disk_full', `${path}: no room left on the disk; free some and try again`, {
      cause: thrown,
    });
  }
  return thrown;
}

/** Whether a file-system error says that the path is not there. */
export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
