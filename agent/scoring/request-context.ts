import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { Route } from '../engines/engine.ts';
import { parseRouteRequest, type RouteRequest } from '../engines/router.ts';
import type { ServedImage } from './served-image.ts';

/** Which route a request asks for, and which one answered. */
const routeHeader = 'x-sluice-route';
/** Time of one item on the hardware that a simulated route stands for. */
const estimateHeader = 'x-sluice-npu-estimate';
/** Digest of the image that answered. */
export const imageHeader = 'x-sluice-image';

/** One request to one image: the route it asks for, its cancellation, and the headers that say who answered. */
export class RequestContext {
  readonly image: ServedImage;
  readonly signal: AbortSignal;
  readonly #reply: FastifyReply;
  readonly #requested: RouteRequest | undefined;

  /** Throws `invalid_request` for an unknown route. */
  constructor(options: { image: ServedImage; request: FastifyRequest; reply: FastifyReply }) {
    const { image, request, reply } = options;
    this.image = image;
    this.signal = abortOnDisconnect(reply);
    this.#reply = reply;
    void reply.header(imageHeader, image.digest);
    this.#requested = parseRouteRequest(singleHeader(request, routeHeader));
  }

  /** Computes on the route that the request asks for, and names the route in the answer. */
  async infer(inputs: Tensor[]): Promise<Tensor[]> {
    const { router } = this.image;
    const plan = router.plan(this.#requested);
    // Known already, so that a failure names it too; corrected below when the CPU stood in.
    this.#nameRoute(plan.engine.route, undefined);
    const { outputs, route, reason } = await router.run(plan, inputs, this.signal);
    this.#nameRoute(route, reason);
    this.#nameEstimate(route);
    return outputs;
  }

  /** For an answer that no engine had a part in. */
  nameNoRoute(): void {
    if (!this.#reply.hasHeader(routeHeader)) void this.#reply.header(routeHeader, 'none');
  }

  #nameEstimate(route: Route): void {
    const engine = this.image.router.engines.find((candidate) => candidate.route === route);
    if (engine?.estimate !== undefined) void this.#reply.header(estimateHeader, engine.estimate);
  }

  #nameRoute(route: string, reason: string | undefined): void {
    void this.#reply.header(routeHeader, reason === undefined ? route : `${route}; reason=${reason}`);
  }
}

/** A header that may stand once. Throws `invalid_request`. */
export function singleHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  if (Array.isArray(value)) throw new SluiceError('invalid_request', `header ${name}: given twice`);
  return value;
}

function abortOnDisconnect(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
