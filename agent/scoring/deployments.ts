import { SluiceError } from '../../contract/errors.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { ImageEnvironment } from './image-layers.ts';
import { loadImage } from './load-image.ts';
import type { ServedImage } from './served-image.ts';

/** Which image answers under which deployment's name. */
export class Deployments {
  readonly #environment: ImageEnvironment;
  readonly #served = new Map<Name, ServedImage>();
  readonly #retiring = new Set<Promise<void>>();
  /** Loading is done one image at a time, so that memory holds one candidate at most. */
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(environment: ImageEnvironment) {
    this.#environment = environment;
  }

  /** Names in the order of their activation. */
  get names(): Name[] {
    return [...this.#served.keys()];
  }

  /** The image that answers for a deployment now. */
  get(deployment: Name): ServedImage | undefined {
    return this.#served.get(deployment);
  }

  /**
   * Loads and checks an image, then switches the deployment to it at once; the old one closes after its last
   * request. When this throws (see `loadImage`), the old image goes on serving.
   */
  activate(deployment: Name, digest: Digest): Promise<void> {
    const activation = this.#tail.then(() => this.#activate(deployment, digest));
    this.#tail = activation.catch(() => undefined);
    return activation;
  }

  /** Stops serving a deployment; resolves when its image is closed. An unknown name is no error. */
  async remove(deployment: Name): Promise<void> {
    await this.#tail;
    const image = this.#served.get(deployment);
    this.#served.delete(deployment);
    if (image !== undefined) await this.#retire(image);
  }

  /** Removes everything; resolves when all engines are closed. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    for (const image of this.#served.values()) void this.#retire(image);
    this.#served.clear();
    await Promise.all(this.#retiring);
  }

  async #activate(deployment: Name, digest: Digest): Promise<void> {
    if (this.#closed) throw new SluiceError('not_ready', 'scoring: stopping');
    const old = this.#served.get(deployment);
    if (old?.digest === digest) return;
    const image = await loadImage(this.#environment, digest);
    this.#served.set(deployment, image);
    if (old !== undefined) void this.#retire(old);
  }

  #retire(image: ServedImage): Promise<void> {
    const retired = image.retire().finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
    return retired;
  }
}
