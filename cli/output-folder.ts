import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import Type from '#typebox';
import { asDiskError, isNotFound, renameDurably, syncFolder } from '../base/durable-files.ts';
import { parserOf } from '../base/validate.ts';
import { SluiceError } from '../contract/errors.ts';

/** What marks a folder as the output of a command, and names the files in it. */
const markerName = 'sluice-output.json';
const Marker = Type.Object(
  { schemaVersion: Type.Literal(1), command: Type.String(), files: Type.Array(Type.String()) },
  { additionalProperties: false },
);
const markerParser = parserOf(Marker, { what: markerName, code: 'state_invalid' });

/** Files by name. */
export type OutputFiles = Readonly<Record<string, Uint8Array | string>>;

/**
 * Checks that a command may write a folder: nothing is there, or an empty folder, or what the command itself
 * wrote and nobody added to. Throws `usage` otherwise. For the start of long work.
 */
export async function checkOutputFolder(path: string, command: string): Promise<void> {
  const names = await namesIn(path);
  if (names === undefined || names.length === 0) return;
  const known = await filesOf(path, command);
  const stranger = names.find((name) => name !== markerName && !known?.includes(name));
  if (known !== undefined && stranger === undefined) return;
  const reason = known === undefined ? 'something else is there' : `${stranger} is not from this command`;
  throw new SluiceError(
    'usage',
    `${path}: ${reason}, so it is not replaced; name another folder or empty it`,
  );
}

/**
 * Writes a folder as a whole: into a temporary one beside it, which then takes its place. The old one goes
 * only when the new one stands. Throws as `checkOutputFolder`, `disk_full`, and `cancelled` with nothing
 * changed when the signal is set before the folders change places.
 */
export async function writeOutputFolder(
  path: string,
  content: { command: string; files: OutputFiles; signal?: AbortSignal },
): Promise<void> {
  const { command, files, signal } = content;
  const target = resolve(path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  const marker = { schemaVersion: 1, command, files: Object.keys(files) };
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, bytes] of Object.entries({ ...files, [markerName]: JSON.stringify(marker) })) {
      if (signal?.aborted) break;
      await writeSynced(join(temporary, name), bytes);
    }
    if (signal?.aborted) throw new SluiceError('cancelled', `${path}: cancelled, nothing was written`);
    await syncFolder(temporary);
    await checkOutputFolder(target, command);
    await exchange(temporary, target);
  } catch (thrown) {
    throw asDiskError(thrown, path);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Puts `temporary` where `target` is; the old one comes back when that fails. */
async function exchange(temporary: string, target: string): Promise<void> {
  const names = await namesIn(target);
  if (names === undefined || names.length === 0) {
    await renameDurably(temporary, target);
    return;
  }
  const old = `${temporary}.old`;
  await rename(target, old);
  try {
    await renameDurably(temporary, target);
  } catch (thrown) {
    await rename(old, target);
    throw thrown;
  }
  await rm(old, { recursive: true, force: true });
}

async function writeSynced(path: string, bytes: Uint8Array | string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Files that the command wrote there; undefined when it did not. */
async function filesOf(path: string, command: string): Promise<string[] | undefined> {
  try {
    const marker = markerParser.parseJson(await readFile(join(path, markerName)));
    return marker.command === command ? marker.files : undefined;
  } catch (thrown) {
    if (isNotFound(thrown) || thrown instanceof SluiceError) return undefined;
    throw thrown;
  }
}

async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOTDIR') {
      throw new SluiceError('usage', `${path}: it is a file; name a folder`, { cause: thrown });
    }
    throw thrown;
  }
}
