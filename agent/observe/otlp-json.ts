import type { AttributeValue, Span } from './spans.ts';

// The JSON form of OTLP's ExportTraceServiceRequest (opentelemetry.io/docs/specs/otlp, section "JSON Protobuf
// Encoding"): identifiers are hexadecimal, 64-bit integers are strings, enumerations numbers.

const kinds = { internal: 1, server: 2 } as const;
const statusError = 2;
const usPerMs = 1000;
const nsPerUs = 1000n;

/** Writes spans as the body of `POST /v1/traces`. */
export function encodeSpans(spans: readonly Span[], resource: Record<string, AttributeValue>): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'sluice' }, spans: spans.map(spanOf) }],
      },
    ],
  });
}

function spanOf(span: Span): object {
  const { traceId, spanId, parentSpanId, traceState, name, kind, startMs, endMs, isError } = span;
  return {
    traceId,
    spanId,
    parentSpanId,
    traceState,
    name,
    kind: kinds[kind],
    startTimeUnixNano: nsOf(startMs),
    endTimeUnixNano: nsOf(endMs),
    attributes: attributesOf(span.attributes),
    status: isError ? { code: statusError } : {},
  };
}

/** Microseconds are what a double holds of an instant. */
function nsOf(instantMs: number): string {
  return String(BigInt(Math.round(instantMs * usPerMs)) * nsPerUs);
}

function attributesOf(attributes: Record<string, AttributeValue | undefined>): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: taggedValue(value) }],
  );
}

function taggedValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
