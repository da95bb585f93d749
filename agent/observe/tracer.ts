import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../../base/logger.ts';
import { sluiceVersion } from '../../base/version.ts';
import { OtlpExporter, type OtlpLimits } from './otlp-exporter.ts';
import type { TraceOptions } from './request-trace.ts';
import { spansOf, type TracedRequest } from './spans.ts';

/** What traces need. */
export interface TracerOptions {
  /** Address of the collector. */
  endpoint: string;
  /** See `TraceOptions`. */
  sampleRatio: number;
  limits: OtlpLimits;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
  log: Logger;
}

/** Makes spans of the requests that are sampled, and hands them to the collector. */
export class Tracer {
  readonly options: TraceOptions;
  readonly #instantMs: () => number;
  readonly #exporter: OtlpExporter;

  constructor({ endpoint, sampleRatio, instantMs, limits, nowMs, log }: TracerOptions) {
    this.options = { sampleRatio, randomHex };
    this.#instantMs = instantMs;
    const resource = {
      'service.name': 'sluice',
      'service.version': sluiceVersion,
      'host.name': hostname(),
      'process.pid': process.pid,
    };
    this.#exporter = new OtlpExporter({ endpoint, resource, limits, nowMs, log });
  }

  /** Spans that were handed over, and those that were given up. */
  get counts(): { exported: number; dropped: number } {
    return this.#exporter.counts;
  }

  /** Takes the spans of a request that has ended now. */
  write(ended: TracedRequest): void {
    const spans = spansOf(ended, { instantMs: this.#instantMs(), randomHex });
    if (spans.length > 0) this.#exporter.add(spans);
  }

  /** Hands over what waits within the time given. Idempotent. */
  stop(withinMs: number): Promise<void> {
    return this.#exporter.stop(withinMs);
  }
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
