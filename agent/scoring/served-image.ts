import type { Digest, Name } from '../../contract/names.ts';
import type { TensorSignature } from '../../contract/tensors.ts';
import type { DataCollector } from '../collect/data-collector.ts';
import type { Router } from '../engines/router.ts';
import type { ImageMeters } from '../observe/image-meters.ts';
import type { ScriptHost } from '../scripts/script-host.ts';
import type { Sequences } from '../sequences/sequences.ts';
import { isBatched } from '../tensors/items.ts';
import { InferenceStatistics } from './inference-statistics.ts';

/** The parts of an image that is ready to serve. */
export interface ServedImageParts {
  digest: Digest;
  name: Name;
  version: number;
  signature: TensorSignature;
  router: Router;
  script: ScriptHost | undefined;
  meters: ImageMeters;
  /** Of a model that keeps state; they end with the image. */
  sequences: Sequences | undefined;
  /** What keeps its requests, where data is collected. */
  collector: Pick<DataCollector, 'begin'> | undefined;
}

/** What became of the copies of requests that an image got by mirroring. */
export interface MirrorCounts {
  succeeded: number;
  failed: number;
  /** Not made: the image was busy, too many ran already, or the body was too large. */
  skipped: number;
}

/** An image with its engines and script. Closed when it is retired and its last request has ended. */
export class ServedImage {
  readonly digest: Digest;
  readonly name: Name;
  readonly version: number;
  readonly signature: TensorSignature;
  readonly router: Router;
  readonly script: ScriptHost | undefined;
  readonly meters: ImageMeters;
  readonly sequences: Sequences | undefined;
  readonly collector: Pick<DataCollector, 'begin'> | undefined;
  readonly statistics = new InferenceStatistics();
  readonly mirrored: MirrorCounts = { succeeded: 0, failed: 0, skipped: 0 };
  #users = 0;
  #onUnused: (() => void) | undefined;
  #retired: Promise<void> | undefined;

  constructor(parts: ServedImageParts) {
    this.digest = parts.digest;
    this.name = parts.name;
    this.version = parts.version;
    this.signature = parts.signature;
    this.router = parts.router;
    this.script = parts.script;
    this.meters = parts.meters;
    this.sequences = parts.sequences;
    this.collector = parts.collector;
  }

  /** Requests that it works on, waiting ones included. */
  get users(): number {
    return this.#users;
  }

  /** Keeps the image open while `work` runs, also when it is replaced meanwhile. */
  async use<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#users += 1;
    try {
      return await work();
    } finally {
      this.#users -= 1;
      if (this.#users === 0) this.#onUnused?.();
    }
  }

  /** Closes script and engines once nobody uses them; resolves then. Idempotent. */
  retire(): Promise<void> {
    this.#retired ??= this.#retire();
    return this.#retired;
  }

  async #retire(): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#onUnused = resolve;
      });
    }
    this.sequences?.close();
    await this.script?.close();
    await this.router.close();
  }
}

/** Whether the first dimension of every tensor is the batch. */
export function isBatchOpen({ signature }: ServedImage): boolean {
  return isBatched(signature);
}
