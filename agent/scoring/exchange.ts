import type { FastifyReply, FastifyRequest } from 'fastify';
import { Cancellation, type CancelSignal } from '../engines/cancellation.ts';
import type { ScoredRequest } from '../observe/request-end.ts';
import { singleHeader } from './request-context.ts';
import { whenOver } from './when-over.ts';

/** A request and its answer, as far as every protocol has them. Names of headers are in lower case. */
export interface Exchange {
  /** A header of the request that may stand once. Throws `invalid_request`. */
  header(name: string): string | undefined;
  /** Id of the request, as its client or a dialect gave it. */
  readonly requestId: string | undefined;
  /** Sets a header of the answer. */
  setHeader(name: string, value: string): void;
  /** Whether the answer has a header already. */
  hasHeader(name: string): boolean;
  /** Milliseconds since the request arrived. */
  readonly elapsedMs: number;
  /** Milliseconds from its arrival that the protocol itself gives the answer; undefined for no limit. */
  readonly timeoutMs: number | undefined;
  /** Aborted when the client leaves before its answer. */
  readonly signal: CancelSignal;
  /** Set once the request has reached an image. */
  scored: ScoredRequest | null;
  /** Does work once the answer has left or its client has. */
  afterAnswer(work: () => void): void;
}

/** A request over HTTP, with what every protocol has of it. */
export interface HttpCall {
  request: FastifyRequest;
  reply: FastifyReply;
  exchange: Exchange;
}

/** A request over HTTP and its reply, with the exchange that they are. */
export function httpCall(request: FastifyRequest, reply: FastifyReply): HttpCall {
  return { request, reply, exchange: httpExchange(request, reply) };
}

/** The exchange that a request over HTTP and its reply are. */
export function httpExchange(request: FastifyRequest, reply: FastifyReply): Exchange {
  return {
    header: (name) => singleHeader(request, name),
    get requestId() {
      const id = reply.getHeader('x-request-id') ?? request.headers['x-request-id'];
      return typeof id === 'string' && id !== '' ? id : undefined;
    },
    setHeader: (name, value) => {
      void reply.header(name, value);
    },
    hasHeader: (name) => reply.hasHeader(name),
    get elapsedMs() {
      return reply.elapsedTime;
    },
    timeoutMs: undefined,
    signal: abortOnDisconnect(reply),
    get scored() {
      return request.scored;
    },
    set scored(scored) {
      request.scored = scored;
    },
    afterAnswer: (work) => whenOver(reply, work),
  };
}

function abortOnDisconnect(reply: FastifyReply): CancelSignal {
  const cancellation = new Cancellation();
  whenOver(reply, () => {
    if (!reply.raw.writableFinished) cancellation.abort();
  });
  return cancellation;
}
