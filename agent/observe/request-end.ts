import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, errorCodes } from '../../contract/errors.ts';
import type { Digest } from '../../contract/names.ts';
import type { Capture } from '../collect/capture.ts';
import type { RunPhases } from '../engines/run-terms.ts';
import { onRequest } from '../scoring/on-request.ts';
import { whenOver } from '../scoring/when-over.ts';
import type { AnsweredBy } from './image-meters.ts';
import type { RequestTrace } from './request-trace.ts';

/** What is known of a request that reached an image; the later fields as far as it came. */
export interface ScoredRequest {
  model: string;
  version: number;
  image: Digest;
  route: AnsweredBy;
  items: number;
  /** Milliseconds from its arrival to where its body was read, and to where its answer was written. */
  beginMs: number;
  endMs: number;
  inputMs: number;
  outputMs: number;
  phases: RunPhases;
  /** What keeps it, when it is collected. */
  capture: Capture | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the request has reached an image. */
    scored: ScoredRequest | null;
    /** Code of the error that answers it. */
    failure: ErrorCode | null;
    trace: RequestTrace | null;
  }
}

/** A request that has its answer, or whose client left. */
export interface EndedRequest {
  request: FastifyRequest;
  reply: FastifyReply;
  /** Of the answer; 499 for a client that left before it was written. */
  status: number;
  code: ErrorCode | undefined;
  durationMs: number;
}

/** Whether an answer says that this server was at fault; 424 is a scoring script that failed. */
export function isServerFault(status: number): boolean {
  return status >= 500 || status === 424;
}

/** Calls `tell` once for every request that was readable as HTTP. Register it before hooks that may refuse. */
export function onRequestEnd(app: FastifyInstance, tell: (ended: EndedRequest) => void): void {
  app.decorateRequest('scored', null);
  app.decorateRequest('failure', null);
  app.decorateRequest('trace', null);
  // Fastify measures a request's time only where there is such a hook; a client that leaves early never gets there.
  app.addHook('onResponse', (request, reply, done) => {
    if (reply.raw.writableFinished) {
      const { elapsedTime: durationMs, statusCode: status } = reply;
      tell({ request, reply, status, code: request.failure ?? undefined, durationMs });
    }
    done();
  });
  onRequest(app, (_request, reply) => {
    const { request } = reply;
    whenOver(reply, () => {
      if (reply.raw.writableFinished) return;
      const { status } = errorCodes.cancelled;
      tell({ request, reply, status, code: 'cancelled', durationMs: reply.elapsedTime });
    });
  });
}
