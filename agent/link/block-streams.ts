import type { Logger } from '../../base/logger.ts';
import { type BlockFrame, decodeBlockFrame } from '../../contract/block-frame.ts';
import { type SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { BlockListener } from '../images/transfer.ts';

/** Hands frames of `dn/blk` to the transfer they are for, and keeps the topic subscribed only while one runs. */
export class BlockStreams {
  readonly #subscribe: (on: boolean) => Promise<void>;
  readonly #logger: Logger;
  readonly #listeners = new Map<number, BlockListener>();
  #isSubscribed = false;
  /** Subscribing and unsubscribing, one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: { subscribe: (on: boolean) => Promise<void>; logger: Logger }) {
    this.#subscribe = options.subscribe;
    this.#logger = options.logger;
  }

  /** Throws `broker_unreachable`. */
  async open(stream: number, listener: BlockListener): Promise<void> {
    this.#listeners.set(stream, listener);
    await this.#settle();
  }

  /** Later frames of this stream are ignored. */
  close(stream: number): void {
    this.#listeners.delete(stream);
    this.#settle().catch((thrown: unknown) => {
      this.#logger.debug({ reason: String(thrown) }, 'blocks stay subscribed');
    });
  }

  /** The connection is gone, and with it the subscription: every transfer ends. */
  lost(error: SluiceError): void {
    this.#isSubscribed = false;
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.onLost(error);
  }

  /** A payload of `dn/blk`; what is not a frame, or is for no transfer of now, is ignored. */
  onFrame(payload: Uint8Array): void {
    let frame: BlockFrame;
    try {
      frame = decodeBlockFrame(payload);
    } catch (thrown) {
      this.#logger.debug({ reason: String(thrown) }, 'a block was not readable');
      return;
    }
    this.#listeners.get(frame.stream)?.onFrame(frame);
  }

  #settle(): Promise<void> {
    const turn = this.#turn.then(async () => {
      const wanted = this.#listeners.size > 0;
      if (wanted === this.#isSubscribed) return;
      try {
        await this.#subscribe(wanted);
      } catch (thrown) {
        throw toSluiceError(thrown, 'broker_unreachable');
      }
      this.#isSubscribed = wanted;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
