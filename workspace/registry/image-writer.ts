import type { KeyObject } from 'node:crypto';
import type { BlobStore } from '../../base/blob-store.ts';
import { signEnvelope } from '../../base/dsse.ts';
import { SluiceError } from '../../contract/errors.ts';
import {
  annotations,
  type Descriptor,
  type ImageManifest,
  layerPaths,
  type ModelConfig,
  mediaTypes,
} from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import {
  type BlobReference,
  type ImageSignature,
  imageSignaturePayloadType,
} from '../../contract/messages.ts';
import type { Digest } from '../../contract/names.ts';
import { chunkIndexOfFile } from './chunk-indexer.ts';
import { type ImageContent, runManifest } from './image-content.ts';

/** Blobs of a written image, as the workspace remembers them. */
export interface WrittenImage {
  manifest: BlobReference;
  config: BlobReference;
  layers: Descriptor[];
  signature: BlobReference;
  referrer: BlobReference;
}

/** Writes images: the same content, version and key always give the same bytes. */
export class ImageWriter {
  readonly #blobs: BlobStore;
  readonly #key: KeyObject;

  constructor(options: { blobs: BlobStore; key: KeyObject }) {
    this.#blobs = options.blobs;
    this.#key = options.key;
  }

  /** Writes layers, config, manifest, signature and referrer; each is on disk before what names it. */
  async write(content: ImageContent, version: number): Promise<WrittenImage> {
    const layers = await this.#writeLayers(content, version);
    const config = await this.#putJson(configOf(content, version, layers));
    const manifest: ImageManifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: mediaTypes.modelArtifact,
      config: { mediaType: mediaTypes.modelConfig, ...config },
      layers,
      annotations: { [annotations.title]: content.name, [annotations.version]: String(version) },
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    if (bytes.length > limits.manifestBytesMax) {
      throw new SluiceError(
        'limit_exceeded',
        `image manifest: ${bytes.length} bytes, at most ${limits.manifestBytesMax} allowed`,
      );
    }
    const image = { digest: await this.#blobs.put(bytes), size: bytes.length };
    const signature = await this.#sign({ schemaVersion: 1, image, name: content.name, version });
    return { manifest: image, config, layers, signature, referrer: await this.#refer(image, signature) };
  }

  async #writeLayers(content: ImageContent, version: number): Promise<Descriptor[]> {
    const run = Buffer.from(JSON.stringify(runManifest(content, version)));
    const parts: { path: string; mediaType: string; digest: Digest }[] = [
      { path: layerPaths.run, mediaType: mediaTypes.run, digest: await this.#blobs.put(run) },
    ];
    for (const { path, mediaType, source } of content.layers) {
      const digest = typeof source === 'string' ? source : await this.#blobs.put(source);
      parts.push({ path, mediaType, digest });
    }
    const layers: Descriptor[] = [];
    const indexes: Descriptor[] = [];
    for (const part of parts) {
      const size = await this.#sizeOf(part.digest);
      const index = size > limits.chunkBytes ? await this.#writeChunkIndex(part) : undefined;
      if (index !== undefined) indexes.push(index);
      layers.push({
        mediaType: part.mediaType,
        digest: part.digest,
        size,
        annotations: {
          [annotations.filepath]: part.path,
          ...(index === undefined ? {} : { [annotations.chunkIndex]: index.digest }),
        },
      });
    }
    return [...layers, ...indexes];
  }

  async #writeChunkIndex(part: { path: string; digest: Digest }): Promise<Descriptor> {
    const index = await chunkIndexOfFile(this.#blobs.path(part.digest));
    return {
      mediaType: mediaTypes.chunkIndex,
      digest: await this.#blobs.put(index),
      size: index.length,
      annotations: { [annotations.filepath]: `chunks/${part.path}` },
    };
  }

  async #sizeOf(digest: Digest): Promise<number> {
    const size = await this.#blobs.size(digest);
    if (size === undefined) throw new SluiceError('blob_unavailable', `blob ${digest} is not here`);
    return size;
  }

  async #sign(payload: ImageSignature): Promise<BlobReference> {
    const bytes = signEnvelope({ payloadType: imageSignaturePayloadType, payload, key: this.#key });
    return { digest: await this.#blobs.put(bytes), size: bytes.length };
  }

  /** The signature as an OCI referrer of the image (image-spec 1.1, manifest.md: artifacts with an empty config). */
  async #refer(image: BlobReference, signature: BlobReference): Promise<BlobReference> {
    const empty = await this.#putJson({});
    return this.#putJson({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: mediaTypes.envelope,
      config: { mediaType: mediaTypes.empty, ...empty },
      layers: [{ mediaType: mediaTypes.envelope, ...signature }],
      subject: { mediaType: mediaTypes.manifest, ...image },
    });
  }

  async #putJson(value: object): Promise<BlobReference> {
    const bytes = Buffer.from(JSON.stringify(value));
    return { digest: await this.#blobs.put(bytes), size: bytes.length };
  }
}

/** No time stands in here: it would make equal builds differ. */
function configOf(content: ImageContent, version: number, layers: readonly Descriptor[]): ModelConfig {
  return {
    descriptor: { name: content.name, version: String(version) },
    modelfs: { type: 'layers', diffIds: layers.map(({ digest }) => digest) },
    config: { format: 'onnx' },
  };
}
