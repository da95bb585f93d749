import type { BlobStore } from '../../base/blob-store.ts';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import {
  annotations,
  type Descriptor,
  ImageManifest,
  layerPaths,
  mediaTypes,
  RunManifest,
} from '../../contract/image.ts';
import { limits } from '../../contract/limits.ts';
import type { Digest } from '../../contract/names.ts';
import { GoldenSamples } from '../../contract/tensors.ts';

const manifestParser = parserOf(ImageManifest, { what: 'image manifest', code: 'manifest_invalid' });
const runParser = parserOf(RunManifest, { what: 'run manifest', code: 'manifest_invalid' });
const samplesParser = parserOf(GoldenSamples, { what: 'golden samples', code: 'manifest_invalid' });

/** Reads an image manifest's bytes. Throws `manifest_invalid`. */
export function parseImageManifest(bytes: Uint8Array): ImageManifest {
  return manifestParser.parseJson(bytes);
}

/** An image whose blobs are all in the store. */
export class OpenedImage {
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  readonly run: RunManifest;
  readonly #blobs: BlobStore;

  private constructor(options: {
    digest: Digest;
    manifest: ImageManifest;
    run: RunManifest;
    blobs: BlobStore;
  }) {
    this.digest = options.digest;
    this.manifest = options.manifest;
    this.run = options.run;
    this.#blobs = options.blobs;
  }

  /** Reads and checks manifest and run manifest. Throws `manifest_invalid`, `blob_unavailable` or `blob_digest_mismatch`. */
  static async open(blobs: BlobStore, digest: Digest): Promise<OpenedImage> {
    const manifest = parseImageManifest(await blobs.read(digest, { bytesMax: limits.manifestBytesMax }));
    const runLayer = findLayer(manifest, layerPaths.run);
    if (runLayer === undefined || runLayer.mediaType !== mediaTypes.run) {
      throw new SluiceError('manifest_invalid', `image ${digest}: no layer ${layerPaths.run}`);
    }
    const run = runParser.parseJson(
      await blobs.read(runLayer.digest, { bytesMax: limits.runManifestBytesMax }),
    );
    return new OpenedImage({ digest, manifest, run, blobs });
  }

  /** File paths of all layers. */
  get paths(): string[] {
    return this.manifest.layers.flatMap((layer) => layer.annotations?.[annotations.filepath] ?? []);
  }

  /** The descriptor of a layer by its file path; undefined when the image has none. */
  layer(path: string): Descriptor | undefined {
    return findLayer(this.manifest, path);
  }

  /** A layer's bytes, verified; undefined when the image has none of that path. */
  async readLayer(path: string): Promise<Uint8Array | undefined> {
    const layer = this.layer(path);
    return layer === undefined ? undefined : this.#blobs.read(layer.digest, { bytesMax: layer.size });
  }

  /** The golden samples; none when the image carries none. */
  async readSamples(): Promise<GoldenSamples['samples']> {
    const bytes = await this.readLayer(layerPaths.samples);
    return bytes === undefined ? [] : samplesParser.parseJson(bytes).samples;
  }
}

function findLayer(manifest: ImageManifest, path: string): Descriptor | undefined {
  return manifest.layers.find((layer) => layer.annotations?.[annotations.filepath] === path);
}
