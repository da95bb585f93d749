import type { Digest, Name } from '../../contract/names.ts';
import type { DesiredTable } from '../storage/desired.ts';
import type { ImagesTable } from '../storage/images.ts';

/** Which blobs a device may pull: those of the images that it shall run, and no others. */
export class BlobAccess {
  readonly #desired: DesiredTable;
  readonly #images: ImagesTable;
  readonly #cache = new Map<Name, { generation: number; sizes: Map<Digest, number> }>();

  constructor(options: { desired: DesiredTable; images: ImagesTable }) {
    this.#desired = options.desired;
    this.#images = options.images;
  }

  /** Size of a blob that the device may have; undefined for every other blob. */
  sizeFor(device: Name, digest: Digest): number | undefined {
    const record = this.#desired.find(device);
    if (record === undefined) return undefined;
    let entry = this.#cache.get(device);
    if (entry === undefined || entry.generation !== record.generation) {
      const sizes = new Map<Digest, number>();
      for (const { image } of record.deployments) this.#collect(image.digest, sizes);
      entry = { generation: record.generation, sizes };
      this.#cache.set(device, entry);
    }
    return entry.sizes.get(digest);
  }

  #collect(manifest: Digest, sizes: Map<Digest, number>): void {
    const image = this.#images.findByDigest(manifest);
    if (image === undefined) return;
    for (const blob of [image.manifest, image.signature, image.config, ...image.layers]) {
      sizes.set(blob.digest, blob.size);
    }
  }
}
