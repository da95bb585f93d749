import type { BlobStore } from '../../base/blob-store.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { ScriptSettings } from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import type { Digest } from '../../contract/names.ts';
import type { BuildImage } from '../../contract/workspace-api.ts';
import { readBlobInput } from './blob-input.ts';
import type { ScriptFile } from './image-content.ts';

/**
 * The scoring script of a build, its settings and its files, all of whose blobs are here; undefined without one.
 * Throws `invalid_request`, `blob_unavailable`, `blob_digest_mismatch` or `limit_exceeded`.
 */
export async function readScript(
  blobs: BlobStore,
  { script, scriptSettings, files = [] }: BuildImage,
): Promise<{ source: Digest; settings: ScriptSettings; files: readonly ScriptFile[] } | undefined> {
  if (script === undefined) {
    if (scriptSettings === undefined && files.length === 0) return undefined;
    throw new SluiceError(
      'invalid_request',
      'scriptSettings and files are for a scoring script; name one in script',
    );
  }
  await readBlobInput(blobs, script, { field: 'script', bytesMax: limits.scriptBytesMax });
  let left = limits.scriptFilesBytesMax;
  const paths = files.map(({ path }) => path);
  for (const [index, { path, digest }] of files.entries()) {
    if (paths.indexOf(path) !== index) {
      throw new SluiceError('invalid_request', `files: ${path} stands there twice`);
    }
    const { length } = await readBlobInput(blobs, digest, { field: `files: ${path}`, bytesMax: left });
    left -= length;
  }
  const { timeoutMs, heapMiB, grants } = scriptSettings ?? {};
  for (const origin of grants?.network ?? []) {
    if (URL.canParse(origin)) continue;
    throw new SluiceError(
      'invalid_request',
      `scriptSettings.grants.network: ${JSON.stringify(origin)} is no origin such as https://api.example`,
    );
  }
  const isGranted = grants?.network !== undefined || grants?.read !== undefined;
  const settings: ScriptSettings = {
    timeoutMs: timeoutMs ?? limits.scriptTimeoutMs,
    heapMiB: heapMiB ?? limits.scriptHeapMiB,
    ...(grants !== undefined && isGranted ? { grants } : {}),
  };
  // In one order, so that the same files give the same image.
  const ordered = [...files].sort((left, right) => (left.path < right.path ? -1 : 1));
  return { source: script, settings, files: ordered };
}
