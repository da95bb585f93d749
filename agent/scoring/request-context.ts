import type { FastifyRequest } from 'fastify';
import { type ErrorCode, SluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { Capture } from '../collect/capture.ts';
import type { Route } from '../engines/engine.ts';
import { parseRouteRequest, type RouteRequest } from '../engines/router.ts';
import type { RunPhases, RunTerms } from '../engines/run-terms.ts';
import type { AnsweredBy } from '../observe/image-meters.ts';
import { freeMemory } from '../request-memory.ts';
import { type SequenceRequest, sequenceOfHeaders } from '../sequences/sequence-request.ts';
import { requireSequences } from '../sequences/stateful-model.ts';
import type { Exchange } from './exchange.ts';
import { isBatchOpen, type ServedImage } from './served-image.ts';

/** Which route a request asks for, and which one answered. */
export const routeHeader = 'x-sluice-route';
/** Milliseconds that the answer may take, from the arrival of the request. */
const timeoutHeader = 'x-request-timeout-ms';
/** Time of one item on the hardware that a simulated route stands for. */
const estimateHeader = 'x-sluice-npu-estimate';
/** Name of the deployment that answered, as Azure's endpoints say it. */
export const deploymentHeader = 'azureml-model-deployment';
/** Digest of the image that answered. */
export const imageHeader = 'x-sluice-image';

/** A request, where its answer goes, and the clock of the engines. */
interface RequestOptions {
  image: ServedImage;
  exchange: Exchange;
  nowMs: () => number;
  /** What keeps the request, when it is collected. */
  capture: Capture | undefined;
}

/**
 * One request to one image: the route it asks for, its deadline and cancellation, and the headers that say who
 * answered.
 */
export class RequestContext {
  readonly image: ServedImage;
  /** The sequence that the headers name; a dialect hands it to `infer`. */
  readonly sequence: SequenceRequest | undefined;
  /** Of all runs of the model for this request. */
  readonly phases: RunPhases = { queueMs: 0, computeMs: 0 };
  /** What keeps the request, when it is collected. */
  readonly capture: Capture | undefined;
  readonly #exchange: Exchange;
  readonly #requested: RouteRequest | undefined;
  readonly #arrivedMs: number;
  #terms: RunTerms;
  #route: AnsweredBy = 'none';
  /** Of runs that are over. */
  readonly #done: Tensor[] = [];

  /** Throws `invalid_request` for an unknown route, a timeout that is none, or a sequence that is none. */
  constructor({ image, exchange, nowMs, capture }: RequestOptions) {
    this.image = image;
    this.capture = capture;
    this.#exchange = exchange;
    this.#arrivedMs = nowMs() - exchange.elapsedMs;
    this.#terms = {
      signal: exchange.signal,
      phases: this.phases,
      afterAnswer: (work) => exchange.afterAnswer(work),
    };
    exchange.setHeader(imageHeader, image.digest);
    this.#requested = parseRouteRequest(exchange.header(routeHeader));
    const timeoutMs = parseTimeout(exchange.header(timeoutHeader));
    if (timeoutMs !== undefined) this.expire(timeoutMs);
    if (exchange.timeoutMs !== undefined) this.expire(exchange.timeoutMs);
    this.sequence = sequenceOfHeaders((name) => exchange.header(name));
  }

  /** Who answered last, or was to; `none` before the model was asked. */
  get route(): AnsweredBy {
    return this.#route;
  }

  /** What engines are asked with. */
  get terms(): RunTerms {
    return this.#terms;
  }

  /** The answer may take so long from the request's arrival; the earliest of several counts. */
  expire(timeoutMs: number): void {
    const deadlineMs = this.#arrivedMs + timeoutMs;
    this.#terms = {
      ...this.#terms,
      deadlineMs: Math.min(deadlineMs, this.#terms.deadlineMs ?? Number.POSITIVE_INFINITY),
    };
  }

  /** 1 goes first. */
  prioritise(priority: number): void {
    this.#terms = { ...this.#terms, priority };
  }

  /**
   * Computes on the route that the request asks for, and names the route in the answer. In a sequence the inputs
   * are those of `Sequences.signature`, and the state comes from the run before.
   */
  async infer(inputs: Tensor[], sequence?: SequenceRequest): Promise<Tensor[]> {
    this.capture?.tensors('inputs', inputs);
    const outputs = await this.#infer(inputs, sequence);
    this.capture?.tensors('outputs', outputs);
    // What a sequence keeps as its state may be an output itself.
    if (sequence === undefined) this.#done.push(...inputs, ...outputs);
    return outputs;
  }

  /** The answer is made, of copies or of the outputs' own memory: once it has left nobody looks at them any more. */
  answered(): void {
    this.#exchange.afterAnswer(() => {
      for (const { data } of this.#done) freeMemory(data);
    });
  }

  #infer(inputs: Tensor[], sequence: SequenceRequest | undefined): Promise<Tensor[]> {
    if (sequence === undefined) return this.#run(inputs);
    return requireSequences(this.image).run({
      sequence,
      inputs,
      terms: this.#terms,
      infer: (all) => this.#run(all),
    });
  }

  /** For an answer that no engine had a part in. */
  nameNoRoute(): void {
    if (!this.#exchange.hasHeader(routeHeader)) this.#exchange.setHeader(routeHeader, 'none');
  }

  async #run(inputs: Tensor[]): Promise<Tensor[]> {
    const { router } = this.image;
    const items = isBatchOpen(this.image) ? (inputs[0]?.shape[0] ?? 1) : 1;
    const { signal, phases, deadlineMs, priority, afterAnswer } = this.#terms;
    const terms = { signal, phases, deadlineMs, priority, afterAnswer, items };
    const plan = router.plan(this.#requested, terms);
    // Known already, so that a failure names it too; corrected below when the CPU stood in.
    this.#nameRoute(plan.engine.route, undefined);
    const { outputs, route, reason } = await router.run(plan, inputs, terms);
    if (route !== plan.engine.route || reason !== undefined) this.#nameRoute(route, reason);
    this.#nameEstimate(route);
    return outputs;
  }

  #nameEstimate(route: Route): void {
    const engine = this.image.router.engines.find((candidate) => candidate.route === route);
    if (engine?.estimate !== undefined) this.#exchange.setHeader(estimateHeader, engine.estimate);
  }

  #nameRoute(route: Route, reason: ErrorCode | undefined): void {
    this.#route = route;
    if (reason === undefined) {
      this.#exchange.setHeader(routeHeader, route);
      return;
    }
    const cause = reason === 'breaker_open' ? this.image.router.breaker?.reason : undefined;
    const text = `${route}; reason=${reason}`;
    this.#exchange.setHeader(routeHeader, cause === undefined ? text : `${text}; cause=${cause}`);
  }
}

/** A header that may stand once. Throws `invalid_request`. */
export function singleHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  if (Array.isArray(value)) throw new SluiceError('invalid_request', `header ${name}: given twice`);
  return value;
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeoutMs = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (timeoutMs > 0) return timeoutMs;
  throw new SluiceError(
    'invalid_request',
    `header ${timeoutHeader}: ${JSON.stringify(text.slice(0, 40))}; a number of milliseconds above 0 expected`,
  );
}
