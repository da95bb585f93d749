import { backoffMs } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { encodeSpans } from './otlp-json.ts';
import type { AttributeValue, Span } from './spans.ts';

/** Bounds of what waits for the collector. */
export interface OtlpLimits {
  /** Spans that wait; more are given up. */
  spansMax: number;
  /** Spans of one request. */
  batchSpansMax: number;
  /** Between two requests; doubled up to the second while the collector does not answer. */
  intervalMs: number;
  intervalCapMs: number;
  timeoutMs: number;
  /** Between two lines about a collector that fails. */
  logIntervalMs: number;
}

/** What an exporter needs. */
export interface OtlpExporterOptions {
  /** Address of the collector; `/v1/traces` comes behind it. */
  endpoint: string;
  resource: Record<string, AttributeValue>;
  limits: OtlpLimits;
  nowMs: () => number;
  log: Logger;
}

/** Statuses with which a collector asks for the same again (OTLP, section "Failures"); else it never will take it. */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * Hands spans to an OpenTelemetry collector over OTLP/HTTP, one request at a time. Nothing waits for it: what it
 * cannot hand over in time is given up and counted.
 */
export class OtlpExporter {
  readonly #options: OtlpExporterOptions;
  readonly #url: string;
  readonly #stopping = new AbortController();
  readonly counts = { exported: 0, dropped: 0 };
  #waiting: Span[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #failures = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: OtlpExporterOptions) {
    this.#options = options;
    this.#url = `${options.endpoint.replace(/\/+$/, '')}/v1/traces`;
  }

  /** Takes spans, as many as there is room for; returns at once. */
  add(spans: readonly Span[]): void {
    const room = this.#isStopped ? 0 : this.#options.limits.spansMax - this.#waiting.length;
    const taken = spans.slice(0, Math.max(0, room));
    this.counts.dropped += spans.length - taken.length;
    this.#waiting.push(...taken);
    if (taken.length > 0) this.#schedule();
  }

  /** Hands over what waits, as far as one more request can, within the time given; the rest is given up. Idempotent. */
  async stop(withinMs: number): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearTimeout(this.#timer);
    const timer = setTimeout(() => this.#stopping.abort(), withinMs);
    await this.#sending;
    if (this.#waiting.length > 0 && this.#failures === 0) await this.#send();
    clearTimeout(timer);
    this.counts.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#sending = this.#send().finally(() => {
        this.#timer = undefined;
        if (this.#waiting.length > 0) this.#schedule();
      });
    }, this.#delayMs);
    // Traces keep no process alive.
    this.#timer.unref();
  }

  get #delayMs(): number {
    const { intervalMs: baseMs, intervalCapMs: capMs, batchSpansMax } = this.#options.limits;
    if (this.#failures > 0) return backoffMs({ failures: this.#failures, baseMs, capMs });
    return this.#waiting.length < batchSpansMax ? baseMs : 0;
  }

  /** Never throws. A batch that may be sent again stays in front. */
  async #send(): Promise<void> {
    const { limits, resource } = this.#options;
    const batch = this.#waiting.slice(0, limits.batchSpansMax);
    const failure = await this.#post(encodeSpans(batch, resource));
    if (failure?.mayRetry) {
      this.#failures += 1;
    } else {
      this.#waiting.splice(0, batch.length);
      this.#failures = 0;
      this.counts[failure === undefined ? 'exported' : 'dropped'] += batch.length;
    }
    if (failure !== undefined) this.#logFailure(failure.reason);
  }

  async #post(body: string): Promise<{ reason: string; mayRetry: boolean } | undefined> {
    const { timeoutMs } = this.#options.limits;
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#stopping.signal]),
      });
      // Its text is nothing to us, but the connection is free again only when it was read.
      await response.body?.cancel();
      if (response.ok) return undefined;
      return { reason: `status ${response.status}`, mayRetry: retryable.has(response.status) };
    } catch (thrown) {
      const { message, cause } = thrown as Error;
      return { reason: cause instanceof Error ? cause.message : message, mayRetry: true };
    }
  }

  #logFailure(reason: string): void {
    const { limits, nowMs, log } = this.#options;
    if (nowMs() - this.#loggedMs < limits.logIntervalMs) return;
    this.#loggedMs = nowMs();
    log.warn(
      { ...this.counts, waiting: this.#waiting.length },
      `traces: the collector at ${this.#url} does not take them: ${reason}`,
    );
  }
}
