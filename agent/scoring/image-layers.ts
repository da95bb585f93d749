import { readFile } from 'node:fs/promises';
import type { BlobStore } from '../../base/blob-store.ts';
import { digestOfFile } from '../../base/digest.ts';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Descriptor } from '../../contract/image.ts';
import type { DataCollector } from '../collect/data-collector.ts';
import type { EngineObserver } from '../engines/engine-observer.ts';
import type { OpenedImage } from '../images/opened-image.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { OpenNpu } from './npu-device.ts';

/** Where images come from and what they run on. */
export interface ImageEnvironment {
  blobs: BlobStore;
  npu: OpenNpu | undefined;
  limits: ScoringLimits;
  nowMs: () => number;
  /** At least 0, below 1; `Math.random` without. */
  random?: () => number;
  log: Logger;
  /** Told what the engines of images do, besides each image's own meters. */
  observer?: EngineObserver;
  /** Told of each execution. */
  /** What keeps requests, where data is collected. */
  collector?: Pick<DataCollector, 'begin'> | undefined;
}

/** A layer whose blob is here. Throws `manifest_invalid` or `blob_unavailable`. */
export async function requireLayer(blobs: BlobStore, image: OpenedImage, path: string): Promise<Descriptor> {
  const layer = image.layer(path);
  if (layer === undefined)
    throw new SluiceError('manifest_invalid', `image ${image.digest}: no layer ${path}`);
  if (await blobs.has(layer.digest)) return layer;
  throw new SluiceError(
    'blob_unavailable',
    `image ${image.digest}: the blob of layer ${path} (${layer.digest}) is not here`,
  );
}

/** A blob of any size, hashed piece by piece so that requests go on meanwhile. Throws `blob_digest_mismatch`. */
export async function readVerified(blobs: BlobStore, { digest }: Descriptor): Promise<Uint8Array> {
  const path = blobs.path(digest);
  const actual = await digestOfFile(path);
  if (actual === digest) return readFile(path);
  throw new SluiceError(
    'blob_digest_mismatch',
    `blob ${digest}: its bytes on disk have the digest ${actual}`,
  );
}
