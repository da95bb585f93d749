import type { Digest, Name } from '../../contract/names.ts';
import type { Model } from '../../contract/workspace-api.ts';
import type { Database } from './database.ts';

interface ModelRow {
  name: string;
  version: number;
  digest: string;
  size_bytes: number;
  description: string;
  signature: string;
  created_at: string;
}

/** Registered models. */
export class ModelsTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All versions of all models, by name, then version. */
  list(): Model[] {
    const rows = this.#database.prepare('SELECT * FROM models ORDER BY name, version').all();
    return (rows as ModelRow[]).map(toModel);
  }

  /** One version; without a version the newest. */
  find(name: Name, version?: number): Model | undefined {
    const row = (
      version === undefined
        ? this.#database
            .prepare('SELECT * FROM models WHERE name = ? ORDER BY version DESC LIMIT 1')
            .get(name)
        : this.#database.prepare('SELECT * FROM models WHERE name = ? AND version = ?').get(name, version)
    ) as ModelRow | undefined;
    return row === undefined ? undefined : toModel(row);
  }

  /** The version of `name` that has these bytes. */
  findByDigest(name: Name, digest: Digest): Model | undefined {
    const row = this.#database
      .prepare('SELECT * FROM models WHERE name = ? AND digest = ?')
      .get(name, digest) as ModelRow | undefined;
    return row === undefined ? undefined : toModel(row);
  }

  /** Adds a version. */
  insert(model: Model): void {
    this.#database
      .prepare(
        'INSERT INTO models (name, version, digest, size_bytes, description, signature, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        model.name,
        model.version,
        model.digest,
        model.sizeBytes,
        model.description,
        JSON.stringify(model.signature),
        model.createdAt,
      );
  }
}

function toModel(row: ModelRow): Model {
  return {
    name: row.name,
    version: row.version,
    digest: row.digest,
    sizeBytes: row.size_bytes,
    description: row.description,
    signature: JSON.parse(row.signature) as Model['signature'],
    createdAt: row.created_at,
  };
}
