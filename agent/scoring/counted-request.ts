import type { Tensor } from '../../contract/tensors.ts';
import type { Exchange } from './exchange.ts';
import { RequestContext } from './request-context.ts';
import { isBatchOpen, type ServedImage } from './served-image.ts';

/** A request to an image, and the clocks that measure it. */
export interface CountedOptions {
  image: ServedImage;
  exchange: Exchange;
  /** Of the engines. */
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}

/** What measures one request: its phases end where they are marked. */
export class RequestMeter {
  #items = 1;
  #inputMs = 0;
  #outputMs = 0;
  #lastMs: number;
  readonly #options: CountedOptions;

  constructor(options: CountedOptions) {
    this.#options = options;
    this.#lastMs = options.nowMs();
  }

  /** The body has become tensors. */
  read(inputs: readonly Tensor[]): void {
    this.#inputMs = this.#elapsed();
    this.#items = isBatchOpen(this.#options.image) ? (inputs[0]?.shape[0] ?? 1) : 1;
  }

  /** The engines are done. */
  ran(): void {
    this.#elapsed();
  }

  /** The tensors have become an answer. */
  wrote(): void {
    this.#outputMs = this.#elapsed();
  }

  /** Counts the request in the image's statistics. */
  finish(isSuccess: boolean, { phases }: RequestContext): void {
    const { image, exchange, instantMs } = this.#options;
    const totalMs = exchange.elapsedMs;
    const [items, inputMs, outputMs] = [this.#items, this.#inputMs, this.#outputMs];
    image.statistics.record({ isSuccess, totalMs, items, inputMs, outputMs, phases }, instantMs());
  }

  #elapsed(): number {
    const nowMs = this.#options.nowMs();
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    return elapsedMs;
  }
}

/** Answers a request and counts it, whatever becomes of it. Throws `invalid_request` for headers that mean nothing. */
export async function countRequest<Answer>(
  options: CountedOptions,
  work: (context: RequestContext, meter: RequestMeter) => Promise<Answer>,
): Promise<Answer> {
  const context = new RequestContext(options);
  const meter = new RequestMeter(options);
  let isSuccess = false;
  try {
    const answer = await work(context, meter);
    isSuccess = true;
    return answer;
  } finally {
    meter.finish(isSuccess, context);
  }
}
