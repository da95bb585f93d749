import type { FastifyRequest } from 'fastify';
import type { Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import type { Deployments } from './deployments.ts';
import type { FoundModel } from './find-model.ts';
import { MirroredRun } from './mirrored-run.ts';
import { routeHeader } from './request-context.ts';
import type { ServedImage } from './served-image.ts';
import { chooseCopied } from './traffic-split.ts';

/** A request that may be copied. */
export interface CopiedRequest {
  /** Of the body as it was read, decompressed. */
  bodyBytes: number;
  /** Header `x-sluice-route`. */
  route: string | undefined;
  /** Called when a copy will be made, so that the body stays what it is. */
  keep?: () => void;
  /** Reads the request against the image of the run and runs it. What it throws is counted, and goes nowhere else. */
  rerun: (run: MirroredRun) => Promise<unknown>;
}

/** What is copied of an HTTP request whose body, if it has any, was read. */
export function copyOf(request: FastifyRequest, rerun: CopiedRequest['rerun']): CopiedRequest {
  const route = request.headers[routeHeader];
  return {
    bodyBytes: request.plainBody?.length ?? 0,
    route: typeof route === 'string' ? route : undefined,
    keep: () => request.collected?.keep(),
    rerun,
  };
}

/** What a mirror works with. */
export interface MirrorOptions {
  deployments: Pick<Deployments, 'get'>;
  limits: ScoringLimits;
  /** From 0 up to 1. */
  random: () => number;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
  log: Logger;
}

/**
 * Sends copies of an endpoint's requests to the deployments that it mirrors to, as Azure's endpoints do: of those
 * that name no deployment, and never so that somebody notices. A copy starts when the answer has been handed over,
 * waits behind everything else, and is not made at all while its deployment has requests of its own.
 */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #running = new Map<ServedImage, number>();
  #inFlight = 0;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /** Copies a request that was just answered, if its endpoint says so. Returns at once and never throws. */
  follow({ splitBy }: FoundModel, request: CopiedRequest): void {
    if (splitBy === undefined || splitBy.mirror.size === 0) return;
    const { deployments, random } = this.#options;
    const deployment = chooseCopied(splitBy.mirror, random);
    const image = deployment === undefined ? undefined : deployments.get(deployment);
    if (image === undefined) return;
    if (!this.#hasRoom(image, request)) {
      image.mirrored.skipped += 1;
      return;
    }
    this.#count(image, 1);
    request.keep?.();
    // What the handler returns is sent before the next turn of the loop.
    setImmediate(() => void this.#run(image, request).finally(() => this.#count(image, -1)));
  }

  #hasRoom(image: ServedImage, { bodyBytes }: CopiedRequest): boolean {
    const { mirrorInFlightMax, mirrorBodyBytesMax } = this.#options.limits;
    const isIdle = image.users <= (this.#running.get(image) ?? 0);
    return isIdle && this.#inFlight < mirrorInFlightMax && bodyBytes <= mirrorBodyBytesMax;
  }

  #count(image: ServedImage, change: 1 | -1): void {
    this.#inFlight += change;
    const running = (this.#running.get(image) ?? 0) + change;
    if (running === 0) this.#running.delete(image);
    else this.#running.set(image, running);
  }

  async #run(image: ServedImage, { route, rerun }: CopiedRequest): Promise<void> {
    const { limits, nowMs, instantMs, log } = this.#options;
    const run = new MirroredRun({ image, route, timeoutMs: limits.mirrorTimeoutMs, nowMs });
    let isSuccess = false;
    try {
      await image.use(() => rerun(run));
      isSuccess = true;
    } catch (thrown) {
      const { code, message } = toSluiceError(thrown);
      log.debug({ code, image: image.digest }, `mirrored request: ${message}`);
    }
    run.finish(isSuccess, instantMs());
  }
}
