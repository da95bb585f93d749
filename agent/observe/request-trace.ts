import type { FastifyInstance, FastifyRequest } from 'fastify';
import { onRequest } from '../scoring/on-request.ts';
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
    const { traceparent, tracestate } = request.headers;
    const parent = Array.isArray(traceparent) ? undefined : parseTraceParent(traceparent);
    const traceState = parent === undefined ? undefined : traceStateOf(tracestate);
    const isTraced = options !== undefined && !untraced.has(request.routeOptions.url);
    if (!isTraced && parent === undefined) return;
    const own = isTraced ? childOf(parent, options) : undefined;
    request.trace = { parent, traceState, own };
    if (own !== undefined) void reply.header('traceparent', formatTraceParent(own));
  });
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
