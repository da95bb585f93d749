import type { Descriptor } from '../../contract/image.ts';
import type { BlobReference } from '../../contract/messages.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { Database } from './database.ts';

/** A built image with everything that the workspace hands out for it. */
export interface ImageRecord {
  name: Name;
  version: number;
  /** The image manifest. */
  manifest: BlobReference;
  /** Manifest, config and layers together. */
  sizeBytes: number;
  /** Digest of all that the image is made of except its version: equal content is the same image. */
  content: Digest;
  modelName: Name;
  modelVersion: number;
  accelerated: string | null;
  config: BlobReference;
  layers: Descriptor[];
  /** DSSE envelope over the manifest's digest. */
  signature: BlobReference;
  /** OCI manifest that ties the envelope to the image. */
  referrer: BlobReference;
  createdAt: string;
}

interface ImageRow {
  name: string;
  version: number;
  digest: string;
  manifest_bytes: number;
  size_bytes: number;
  content: string;
  model_name: string;
  model_version: number;
  accelerated: string | null;
  config: string;
  layers: string;
  signature: string;
  referrer: string;
  created_at: string;
}

/** Built images. */
export class ImagesTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All versions of all images, by name, then version. */
  list(): ImageRecord[] {
    const rows = this.#database.prepare('SELECT * FROM images ORDER BY name, version').all();
    return (rows as ImageRow[]).map(toRecord);
  }

  /** One version; without a version the newest. */
  find(name: Name, version?: number): ImageRecord | undefined {
    return one(
      version === undefined
        ? this.#database
            .prepare('SELECT * FROM images WHERE name = ? ORDER BY version DESC LIMIT 1')
            .get(name)
        : this.#database.prepare('SELECT * FROM images WHERE name = ? AND version = ?').get(name, version),
    );
  }

  /** The version of `name` that is made of the same things. */
  findByContent(name: Name, content: Digest): ImageRecord | undefined {
    return one(
      this.#database.prepare('SELECT * FROM images WHERE name = ? AND content = ?').get(name, content),
    );
  }

  /** The image of a manifest digest. */
  findByDigest(digest: Digest): ImageRecord | undefined {
    return one(this.#database.prepare('SELECT * FROM images WHERE digest = ?').get(digest));
  }

  /** Adds a version. */
  insert(image: ImageRecord): void {
    this.#database
      .prepare(
        `INSERT INTO images (name, version, digest, manifest_bytes, size_bytes, content, model_name, model_version,
           accelerated, config, layers, signature, referrer, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        image.name,
        image.version,
        image.manifest.digest,
        image.manifest.size,
        image.sizeBytes,
        image.content,
        image.modelName,
        image.modelVersion,
        image.accelerated,
        JSON.stringify(image.config),
        JSON.stringify(image.layers),
        JSON.stringify(image.signature),
        JSON.stringify(image.referrer),
        image.createdAt,
      );
  }
}

function one(row: unknown): ImageRecord | undefined {
  return row === undefined ? undefined : toRecord(row as ImageRow);
}

function toRecord(row: ImageRow): ImageRecord {
  return {
    name: row.name,
    version: row.version,
    manifest: { digest: row.digest, size: row.manifest_bytes },
    sizeBytes: row.size_bytes,
    content: row.content,
    modelName: row.model_name,
    modelVersion: row.model_version,
    accelerated: row.accelerated,
    config: JSON.parse(row.config) as BlobReference,
    layers: JSON.parse(row.layers) as Descriptor[],
    signature: JSON.parse(row.signature) as BlobReference,
    referrer: JSON.parse(row.referrer) as BlobReference,
    createdAt: row.created_at,
  };
}
