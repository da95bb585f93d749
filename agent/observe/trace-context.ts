// W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/), sections 3.2 and 3.3.

/** Characters of a `tracestate` that are passed on; section 3.3.1.5 asks for at least 512. */
const traceStateCharsMax = 512;

/** Where a request stands in a trace. */
export interface TraceParent {
  /** 32 and 16 lower-case hexadecimal digits. */
  traceId: string;
  parentId: string;
  isSampled: boolean;
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeros = /^0+$/;
const sampledFlag = 1;

/**
 * Reads a `traceparent`; undefined when it is none. A version to come may have more fields behind those of
 * today; version `ff` is never valid, nor is an identifier of zeros.
 */
export function parseTraceParent(text: string | undefined): TraceParent | undefined {
  const match = text === undefined ? null : pattern.exec(text);
  if (match === null) return undefined;
  const [, version, traceId = '', parentId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (zeros.test(traceId) || zeros.test(parentId)) return undefined;
  return { traceId, parentId, isSampled: (Number.parseInt(flags, 16) & sampledFlag) !== 0 };
}

/** Writes a `traceparent` of version 00. */
export function formatTraceParent({ traceId, parentId, isSampled }: TraceParent): string {
  return `00-${traceId}-${parentId}-${isSampled ? '01' : '00'}`;
}

/** A `tracestate` to pass on as it came; undefined for none, or one that is too long to keep whole. */
export function traceStateOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(',') : header;
  return text === undefined || text === '' || text.length > traceStateCharsMax ? undefined : text;
}
