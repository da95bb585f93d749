import type { BlobStore } from '../../base/blob-store.ts';
import { readModelSignature } from '../../compiler/signature.ts';
import {
  annotations,
  type Descriptor,
  type ImageManifest,
  layerPaths,
  mediaTypes,
  type RunManifest,
} from '../../contract/image.ts';
import type { Digest } from '../../contract/names.ts';

/** Puts an unsigned image of a model into a blob store, as the scoring process alone needs it. */
export async function putImage(
  blobs: BlobStore,
  model: Uint8Array,
  edit: (run: RunManifest) => void = () => undefined,
): Promise<Digest> {
  const run: RunManifest = {
    schemaVersion: 1,
    name: 'bench',
    version: 1,
    signature: readModelSignature(model),
    routes: { policy: 'cpu', cpu: { sessions: 1 } },
    limits: { queueDepth: 256 },
  };
  edit(run);
  const layer = async (mediaType: string, bytes: Uint8Array, path?: string): Promise<Descriptor> => ({
    mediaType,
    digest: await blobs.put(bytes),
    size: bytes.length,
    ...(path === undefined ? {} : { annotations: { [annotations.filepath]: path } }),
  });
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: mediaTypes.modelArtifact,
    config: await layer(mediaTypes.modelConfig, jsonBytes({ name: run.name })),
    layers: [
      await layer(mediaTypes.weights, model, layerPaths.model),
      await layer(mediaTypes.run, jsonBytes(run), layerPaths.run),
    ],
  };
  return blobs.put(jsonBytes(manifest));
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
