import type { ErrorCode } from '../../contract/errors.ts';
import type { ScoredRequest } from './request-end.ts';
import type { RequestTrace } from './request-trace.ts';

/** Values of attributes: whole numbers are sent as such. */
export type AttributeValue = string | number;

/** One span, as OTLP has it. Times are milliseconds since 1970. */
export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  traceState: string | undefined;
  name: string;
  kind: 'internal' | 'server';
  startMs: number;
  endMs: number;
  attributes: Record<string, AttributeValue | undefined>;
  /** Whether it ended in an error of this server. */
  isError: boolean;
}

/** A request that has ended, over whatever protocol. */
export interface TracedRequest {
  trace: RequestTrace | null;
  scored: ScoredRequest | null;
  /** Name and attributes of its span, as its protocol has them. */
  name: string;
  attributes: Span['attributes'];
  code: ErrorCode | undefined;
  durationMs: number;
  /** Whether this server was at fault. */
  isError: boolean;
}

/**
 * The spans of a request that ended at the given instant: its own, and of one that reached an image those of its
 * phases. A request may run the model more than once, or in stages: waiting and computing are then the sums, one
 * behind the other. Empty for a request that is not sampled.
 */
export function spansOf(
  request: TracedRequest,
  { instantMs, randomHex }: { instantMs: number; randomHex: (bytes: number) => string },
): Span[] {
  const { trace, scored, name, attributes, code, durationMs, isError } = request;
  const own = trace?.own;
  if (own === undefined || !own.isSampled) return [];
  const startMs = instantMs - durationMs;
  const { traceId, parentId: spanId } = own;
  const server: Span = {
    traceId,
    spanId,
    parentSpanId: trace?.parent?.parentId,
    traceState: trace?.traceState,
    name,
    kind: 'server',
    startMs,
    endMs: instantMs,
    attributes: {
      ...attributes,
      'error.type': code,
      ...(scored === null ? {} : attributesOf(scored)),
    },
    isError,
  };
  if (scored === null) return [server];
  const phases = phasesOf(scored).map(
    ([name, beginMs, lengthMs]): Span => ({
      traceId,
      spanId: randomHex(8),
      parentSpanId: spanId,
      traceState: trace?.traceState,
      name,
      kind: 'internal',
      startMs: startMs + beginMs,
      endMs: startMs + beginMs + lengthMs,
      attributes: {},
      isError: false,
    }),
  );
  return [server, ...phases];
}

/** Name, begin after the request's arrival and length of each phase that took place. */
function phasesOf(scored: ScoredRequest): [name: string, beginMs: number, lengthMs: number][] {
  const { beginMs, endMs, inputMs, outputMs, phases } = scored;
  const queueMs = beginMs + inputMs;
  const all: [string, number, number][] = [
    ['decode', beginMs, inputMs],
    ['queue', queueMs, phases.queueMs],
    ['compute', queueMs + phases.queueMs, phases.computeMs],
    ['encode', endMs - outputMs, outputMs],
  ];
  return all.filter(([, , lengthMs]) => lengthMs > 0);
}

function attributesOf({ model, version, image, route, items, phases }: ScoredRequest): Span['attributes'] {
  return {
    'sluice.model': model,
    'sluice.version': version,
    'sluice.image': image,
    'sluice.route': route,
    'sluice.items': items,
    'sluice.queue_ms': phases.queueMs,
    'sluice.compute_ms': phases.computeMs,
  };
}
