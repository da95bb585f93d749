import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlobStore } from '../../base/blob-store.ts';
import { digestOf } from '../../base/digest.ts';
import type { RunManifest } from '../../contract/image.ts';
import { putImage } from './bench-image.ts';
import { ServerProcess } from './server-process.ts';

/** Where servers under test are set up. Everything on disk and every process goes with `close`. */
export class Stand {
  readonly blobRoot: string;
  readonly #blobs: BlobStore;
  readonly #servers: ServerProcess[] = [];

  private constructor(blobRoot: string) {
    this.blobRoot = blobRoot;
    this.#blobs = new BlobStore(blobRoot);
  }

  static async open(): Promise<Stand> {
    const stand = new Stand(await mkdtemp(join(tmpdir(), 'sluice-bench-')));
    await stand.#blobs.start();
    return stand;
  }

  /** The scoring process on a model; `edit` changes how its image is served. */
  async sluice(model: Uint8Array, edit?: (run: RunManifest) => void): Promise<ServerProcess> {
    const image = await putImage(this.#blobs, model, edit);
    return this.#keep(await ServerProcess.startSluice({ blobRoot: this.blobRoot, image }));
  }

  /** A peer on the same bytes. */
  async peer(name: 'fastify-json' | 'raw-http', model: Uint8Array): Promise<ServerProcess> {
    await this.#blobs.put(model);
    const path = this.#blobs.path(digestOf(model));
    return this.#keep(await ServerProcess.startPeer(name, path));
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    await rm(this.blobRoot, { recursive: true });
  }

  #keep(server: ServerProcess): ServerProcess {
    this.#servers.push(server);
    return server;
  }
}
