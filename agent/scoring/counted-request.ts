import { type SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { Capture } from '../collect/capture.ts';
import type { Dialect } from '../observe/image-meters.ts';
import type { ScoredRequest } from '../observe/request-end.ts';
import { itemCountOf } from '../tensors/items.ts';
import type { Exchange } from './exchange.ts';
import { RequestContext } from './request-context.ts';
import type { ServedImage } from './served-image.ts';

/** A request to an image, and the clocks that measure it. */
export interface CountedOptions {
  /** Name of the deployment. */
  name: string;
  dialect: Dialect;
  image: ServedImage;
  exchange: Exchange;
  /** Of the engines. */
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}

/** What measures one request: its phases end where they are marked. */
export class RequestMeter {
  #lastMs: number;
  readonly #options: CountedOptions;
  readonly #scored: ScoredRequest;

  constructor(options: CountedOptions, { phases, capture }: RequestContext) {
    const { name, image, exchange } = options;
    const beginMs = exchange.elapsedMs;
    this.#options = options;
    this.#lastMs = options.nowMs();
    this.#scored = {
      model: name,
      version: image.version,
      image: image.digest,
      route: 'none',
      items: 1,
      beginMs,
      endMs: beginMs,
      inputMs: 0,
      outputMs: 0,
      phases,
      capture,
    };
    exchange.scored = this.#scored;
  }

  /** The body has become tensors. */
  read(inputs: readonly Tensor[]): void {
    this.#scored.inputMs = this.#elapsed();
    this.#scored.items = itemCountOf(this.#options.image.signature, inputs);
  }

  /** The engines are done. */
  ran(): void {
    this.#elapsed();
  }

  /** The tensors have become an answer. */
  wrote(): void {
    this.#scored.outputMs = this.#elapsed();
  }

  /** Counts the request in the image's statistics and meters; `failure` is why it has no result. */
  finish(failure: SluiceError | undefined, { route }: RequestContext): void {
    const { image, exchange, dialect, instantMs } = this.#options;
    const scored = this.#scored;
    const totalMs = exchange.elapsedMs;
    scored.route = route;
    scored.endMs = totalMs;
    const { items, inputMs, outputMs, phases } = scored;
    const isSuccess = failure === undefined;
    image.statistics.record({ isSuccess, totalMs, items, inputMs, outputMs, phases }, instantMs());
    image.meters.record({ dialect, failure, route, items, totalMs, inputMs, outputMs, phases });
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
  const { image, exchange, nowMs } = options;
  const context = new RequestContext({ image, exchange, nowMs, capture: captureOf(options) });
  const meter = new RequestMeter(options, context);
  try {
    const answer = await work(context, meter);
    context.answered();
    meter.finish(undefined, context);
    return answer;
  } catch (thrown) {
    meter.finish(toSluiceError(thrown), context);
    throw thrown;
  }
}

/** What keeps the request, when it is collected. */
function captureOf({ name: deployment, image, exchange }: CountedOptions): Capture | undefined {
  const { requestId } = exchange;
  return image.collector?.begin({ deployment, version: image.version, requestId });
}
