import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Digest, Name } from '../../contract/names.ts';
import type { ImageEnvironment } from './image-layers.ts';
import { loadImage } from './load-image.ts';
import type { ServedImage } from './served-image.ts';

/** Which image answers under which deployment's name. */
export class Deployments {
  readonly #environment: ImageEnvironment;
  readonly #served = new Map<Name, ServedImage>();
  /** Images of deployments that were taken out of service for a while. */
  readonly #parked = new Map<Name, Digest>();
  readonly #retiring = new Set<Promise<void>>();
  /** Loading is done one image at a time, so that memory holds one candidate at most. */
  #tail: Promise<void> = Promise.resolve();
  /** The last turn of each deployment that is not over. */
  readonly #turns = new Map<Name, Promise<void>>();
  #closed = false;

  constructor(environment: ImageEnvironment) {
    this.#environment = environment;
  }

  /** Names in the order of their activation. */
  get names(): Name[] {
    return [...this.#served.keys()];
  }

  /** Names of deployments that were taken out of service and not put back. */
  get parkedNames(): Name[] {
    return [...this.#parked.keys()];
  }

  /** The image that answers for a deployment now. */
  get(deployment: Name): ServedImage | undefined {
    return this.#served.get(deployment);
  }

  /** Whether a deployment is served, unloaded, or on its way. */
  isKnown(deployment: Name): boolean {
    return this.#served.has(deployment) || this.#parked.has(deployment) || this.#turns.has(deployment);
  }

  /**
   * Loads and checks an image, then switches the deployment to it at once; the old one closes after its last
   * request. When this throws (see `loadImage`), the old image goes on serving.
   */
  activate(deployment: Name, digest: Digest): Promise<void> {
    return this.#inTurn(deployment, () => this.#activate(deployment, digest));
  }

  /** Takes a deployment out of service and closes its image; an unknown or parked name is no error. */
  async park(deployment: Name): Promise<void> {
    let image: ServedImage | undefined;
    await this.#inTurn(deployment, async () => {
      image = this.#served.get(deployment);
      if (image === undefined) return;
      this.#served.delete(deployment);
      this.#parked.set(deployment, image.digest);
    });
    // Outside its turn: its last request may take long, and other deployments go on.
    if (image !== undefined) await this.#retire(image);
  }

  /** Loads a parked deployment's image and puts it back; one that is served, or an unknown name, is no error. */
  unpark(deployment: Name): Promise<void> {
    return this.#inTurn(deployment, async () => {
      const digest = this.#parked.get(deployment);
      if (digest !== undefined) await this.#activate(deployment, digest);
    });
  }

  /**
   * Stops serving a deployment once nothing more is under way for it, and waits for no other's image; its own closes
   * after its last request, which may take longer than whoever asks waits. An unknown name is no error.
   */
  async remove(deployment: Name): Promise<void> {
    await this.#turns.get(deployment);
    const image = this.#served.get(deployment);
    this.#parked.delete(deployment);
    this.#served.delete(deployment);
    if (image !== undefined) void this.#retire(image);
  }

  /** Removes everything; resolves when all engines are closed. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    for (const image of this.#served.values()) void this.#retire(image);
    this.#served.clear();
    await Promise.all(this.#retiring);
  }

  #inTurn(deployment: Name, work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(work);
    const over = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(deployment) === over) this.#turns.delete(deployment);
      });
    this.#tail = over;
    this.#turns.set(deployment, over);
    return turn;
  }

  async #activate(deployment: Name, digest: Digest): Promise<void> {
    if (this.#closed) throw new SluiceError('not_ready', 'scoring: stopping');
    const old = this.#served.get(deployment);
    if (old?.digest === digest) return;
    const image = await loadImage(this.#environment, digest);
    this.#parked.delete(deployment);
    this.#served.set(deployment, image);
    if (old !== undefined) void this.#retire(old);
  }

  #retire(image: ServedImage): Promise<void> {
    const retired = image
      .retire()
      .catch((thrown: unknown) => {
        const { code, message } = toSluiceError(thrown);
        this.#environment.log.error({ code, image: image.digest }, `an image did not close: ${message}`);
      })
      .finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
    return retired;
  }
}
