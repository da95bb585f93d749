import type { FastifyInstance, FastifyRequest } from 'fastify';
import { onRequest } from '../scoring/on-request.ts';
import { type EndedRequest, isServerFault } from './request-end.ts';
import type { TracedRequest } from './spans.ts';
import { formatTraceParent, parseTraceParent, type TraceParent, traceStateOf } from './trace-context.ts';

/** Where a request stands in its trace. */
export interface RequestTrace {
  /** What the client sent; undefined when it sent none, or none that is valid. */
  parent: TraceParent | undefined;
  /** The client's `tracestate`; without a valid parent it means nothing. */
  traceState: string | undefined;
  /** This server's own span; undefined while traces are off, and for paths that are not traced. */
  own: TraceParent | undefined;
}

/** Headers of W3C Trace Context. */
interface TraceHeaders {
  traceparent?: string | string[] | undefined;
  tracestate?: string | string[] | undefined;
}

/** How traces are made. */
export interface TraceOptions {
  /** Of the requests that come without a parent; with one its flag decides. */
  sampleRatio: number;
  /** So many random bytes, as hexadecimal digits. */
  randomHex: (bytes: number) => string;
}

/** Paths that are asked every few seconds and say nothing. */
const untraced: ReadonlySet<string | undefined> = new Set([
  ...['/', '/metrics', '/v2/health/live', '/v2/health/ready'],
]);

/**
 * Reads each request's trace context. With `options` the request gets a span of its own, which the answer names in
 * its `traceparent`; without, traces are off.
 */
export function addRequestTraces(app: FastifyInstance, options: TraceOptions | undefined): void {
  onRequest(app, (request, reply) => {
    const isTraced = !untraced.has(request.routeOptions.url);
    const { traceparent, tracestate } = request.headers;
    request.trace = traceOf({ traceparent, tracestate }, isTraced ? options : undefined);
    const own = request.trace?.own;
    if (own !== undefined) void reply.header('traceparent', formatTraceParent(own));
  });
}

/** Where a request with these headers stands; with `options` it gets a span of its own. Null where there is no trace. */
export function traceOf(
  { traceparent, tracestate }: TraceHeaders,
  options: TraceOptions | undefined,
): RequestTrace | null {
  const parent = Array.isArray(traceparent) ? undefined : parseTraceParent(traceparent);
  if (options === undefined && parent === undefined) return null;
  const traceState = parent === undefined ? undefined : traceStateOf(tracestate);
  return { parent, traceState, own: options && childOf(parent, options) };
}

/** A request over HTTP, for its spans. */
export function tracedHttp({ request, status, code, durationMs }: EndedRequest): TracedRequest {
  const { trace, scored, method } = request;
  const path = request.routeOptions.url;
  return {
    trace,
    scored,
    name: path === undefined ? method : `${method} ${path}`,
    attributes: {
      'http.request.method': method,
      'http.route': path,
      'http.response.status_code': status,
    },
    code,
    durationMs,
    isError: isServerFault(status),
  };
}

/** The headers of a request as those that it causes shall see them: its own span is their parent. */
export function forwardedTrace({ trace }: Pick<FastifyRequest, 'trace'>): Record<string, string | undefined> {
  if (trace?.own === undefined) return {};
  return { traceparent: formatTraceParent(trace.own), tracestate: trace.traceState };
}

function childOf(parent: TraceParent | undefined, { sampleRatio, randomHex }: TraceOptions): TraceParent {
  const traceId = parent?.traceId ?? randomHex(16);
  const isSampled = parent?.isSampled ?? isWithin(traceId, sampleRatio);
  return { traceId, parentId: randomHex(8), isSampled };
}

/** By the last 52 bits of the identifier, so that the same trace is taken or left everywhere. */
function isWithin(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-13), 16) < ratio * 2 ** 52;
}
