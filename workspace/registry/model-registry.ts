import type { BlobStore } from '../../base/blob-store.ts';
import { compileInWorker } from '../../compiler/compile-in-worker.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { Name } from '../../contract/names.ts';
import type { Model, RegisterModel } from '../../contract/workspace-api.ts';
import { workspaceLimits } from '../limits.ts';
import type { Database } from '../storage/database.ts';
import type { ModelsTable } from '../storage/models.ts';
import { readBlobInput } from './blob-input.ts';
import type { BuildQueue } from './build-queue.ts';

/** What the model registry needs. */
export interface ModelRegistryOptions {
  database: Database;
  models: ModelsTable;
  blobs: BlobStore;
  queue: BuildQueue;
  clock: () => Date;
  signal: AbortSignal;
}

/** Registered models: versions of ONNX files under a name. */
export class ModelRegistry {
  readonly #options: ModelRegistryOptions;

  constructor(options: ModelRegistryOptions) {
    this.#options = options;
  }

  /** All versions of all models. */
  list(): Model[] {
    return this.#options.models.list();
  }

  /** One version, or the newest. Throws `not_found`. */
  get(name: Name, version?: number): Model {
    const model = this.#options.models.find(name, version);
    if (model === undefined) {
      const what = version === undefined ? name : `${name}:${version}`;
      throw new SluiceError('not_found', `model ${what} is not registered`);
    }
    return model;
  }

  /**
   * Registers an uploaded file as the next version; bytes that the name already has are that version.
   * Throws `blob_unavailable`, `model_invalid` or `model_unsupported`.
   */
  async register(request: RegisterModel): Promise<{ model: Model; created: boolean }> {
    const { models, queue } = this.#options;
    const known = models.findByDigest(request.name, request.file);
    if (known !== undefined) return { model: known, created: false };
    return queue.run(() => this.#register(request));
  }

  async #register(request: RegisterModel): Promise<{ model: Model; created: boolean }> {
    const { blobs, signal, models, database, clock } = this.#options;
    const bytes = await readBlobInput(blobs, request.file, {
      field: 'file',
      bytesMax: workspaceLimits.modelBytesMax,
    });
    const sizeBytes = bytes.length;
    const { signature } = await compileInWorker({ model: bytes, signal });
    return database.transaction(() => {
      const known = models.findByDigest(request.name, request.file);
      if (known !== undefined) return { model: known, created: false };
      const model: Model = {
        name: request.name,
        version: (models.find(request.name)?.version ?? 0) + 1,
        digest: request.file,
        sizeBytes,
        description: request.description ?? '',
        signature,
        createdAt: clock().toISOString(),
      };
      models.insert(model);
      return { model, created: true };
    });
  }
}
