import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A span as it arrived, with its attributes by name. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code?: number };
  attributes: Record<string, unknown>;
}

/** A collector that takes OTLP over HTTP as JSON. */
export interface TraceCollector {
  url: string;
  spans: CollectedSpan[];
  /** Status of every request that came. */
  statuses: number[];
  /** Resolves when a span fits. */
  until(fits: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
}

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: string; doubleValue?: number };
}

interface ExportRequest {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: (Omit<CollectedSpan, 'attributes'> & { attributes: Attribute[] })[] }[];
  }[];
}

/** Starts one; `statusOf` the n-th request, from 0, says how it is answered. */
export async function startCollector(
  statusOf: (request: number) => number = () => 200,
): Promise<TraceCollector> {
  const spans: CollectedSpan[] = [];
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const isTraces = request.url === '/v1/traces' && request.headers['content-type'] === 'application/json';
      const status = isTraces ? statusOf(statuses.length) : 404;
      statuses.push(status);
      if (status === 200) spans.push(...spansOf(Buffer.concat(chunks).toString()));
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const until = async (fits: (span: CollectedSpan) => boolean): Promise<CollectedSpan> => {
    for (;;) {
      const span = spans.find(fits);
      if (span !== undefined) return span;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, statuses, until };
}

function spansOf(body: string): CollectedSpan[] {
  const { resourceSpans } = JSON.parse(body) as ExportRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({ ...span, attributes: byName([...resource.attributes, ...span.attributes]) })),
    ),
  );
}

function byName(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.doubleValue ?? Number(value.intValue),
    ]),
  );
}
