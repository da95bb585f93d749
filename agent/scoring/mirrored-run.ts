import { limits } from '../../contract/limits.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { parseRouteRequest } from '../engines/router.ts';
import type { RunTerms } from '../engines/run-terms.ts';
import { isBatchOpen, type ServedImage } from './served-image.ts';

/** One copy of a request, which runs after the answer was given and behind every request that somebody waits for. */
export class MirroredRun {
  readonly image: ServedImage;
  /** What engines and script are asked with. */
  readonly terms: RunTerms;
  readonly #nowMs: () => number;
  readonly #route: string | undefined;
  readonly #startedMs: number;
  readonly #phases = { queueMs: 0, computeMs: 0 };
  #items = 1;
  #inputMs = 0;

  constructor(options: {
    image: ServedImage;
    /** Header `x-sluice-route` of the request. */
    route: string | undefined;
    timeoutMs: number;
    nowMs: () => number;
  }) {
    const { image, route, timeoutMs, nowMs } = options;
    this.image = image;
    this.#route = route;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
    this.terms = { deadlineMs: this.#startedMs + timeoutMs, priority: limits.priorityLevels };
  }

  /** Inputs are there, so the time until now was spent on reading them; for an image without a script. */
  async inferDecoded(inputs: Tensor[]): Promise<void> {
    this.#inputMs = this.#nowMs() - this.#startedMs;
    this.#items = isBatchOpen(this.image) ? (inputs[0]?.shape[0] ?? 1) : 1;
    await this.infer(inputs);
  }

  /** Computes on the route that the request asked for. Throws what the engines do, and `route_unavailable`. */
  async infer(inputs: Tensor[]): Promise<Tensor[]> {
    const { router } = this.image;
    const plan = router.plan(parseRouteRequest(this.#route), this.terms);
    return (await router.run(plan, inputs, { ...this.terms, phases: this.#phases })).outputs;
  }

  /** Counts it in the statistics of its image; `instantMs` since 1970. */
  finish(isSuccess: boolean, instantMs: number): void {
    const totalMs = this.#nowMs() - this.#startedMs;
    const [items, inputMs, phases] = [this.#items, this.#inputMs, this.#phases];
    this.image.statistics.record({ isSuccess, totalMs, items, inputMs, outputMs: 0, phases }, instantMs);
    if (isSuccess) this.image.mirrored.succeeded += 1;
    else this.image.mirrored.failed += 1;
  }
}
