import { join } from 'node:path';
import { removeTemporaryFiles, writeFileDurably } from '../../base/durable-files.ts';
import { annotations, mediaTypes } from '../../contract/image.ts';
import type { ImageRecord } from '../storage/images.ts';

/** Keeps the blob folder an OCI image layout (image-spec 1.1, image-layout.md), so that registry tools read it. */
export class OciLayout {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Writes the layout's marker and index, and removes what interrupted writes of them left behind. */
  async start(images: readonly ImageRecord[]): Promise<void> {
    await removeTemporaryFiles(this.#root);
    await writeFileDurably(join(this.#root, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    await this.writeIndex(images);
  }

  /** Lists these images, by name and version, and their signatures in `index.json`. */
  async writeIndex(images: readonly ImageRecord[]): Promise<void> {
    const manifests = images.flatMap((image) => [
      {
        mediaType: mediaTypes.manifest,
        ...image.manifest,
        artifactType: mediaTypes.modelArtifact,
        annotations: {
          [annotations.reference]: `${image.name}:${image.version}`,
          [annotations.created]: image.createdAt,
        },
      },
      { mediaType: mediaTypes.manifest, ...image.referrer, artifactType: mediaTypes.envelope },
    ]);
    const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
    await writeFileDurably(join(this.#root, 'index.json'), JSON.stringify(index));
  }
}
