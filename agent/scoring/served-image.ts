import type { Digest, Name } from '../../contract/names.ts';
import type { TensorSignature } from '../../contract/tensors.ts';
import { hasOpenBatch } from '../engines/prove-batching.ts';
import type { Router } from '../engines/router.ts';
import type { ScriptHost } from '../scripts/script-host.ts';
import { InferenceStatistics } from './inference-statistics.ts';

/** The parts of an image that is ready to serve. */
export interface ServedImageParts {
  digest: Digest;
  name: Name;
  version: number;
  signature: TensorSignature;
  router: Router;
  script: ScriptHost | undefined;
}

/** An image with its engines and script. Closed when it is retired and its last request has ended. */
export class ServedImage {
  readonly digest: Digest;
  readonly name: Name;
  readonly version: number;
  readonly signature: TensorSignature;
  readonly router: Router;
  readonly script: ScriptHost | undefined;
  readonly statistics = new InferenceStatistics();
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
    await this.script?.close();
    await this.router.close();
  }
}

/** Whether the first dimension of every tensor is the batch. */
export function isBatchOpen({ signature }: ServedImage): boolean {
  return hasOpenBatch(signature);
}
