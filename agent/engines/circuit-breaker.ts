import { backoffMs } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { type ErrorCode, SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { Cancellation, type CancelSignal } from './cancellation.ts';
import type { Route } from './engine.ts';
import type { EngineObserver } from './engine-observer.ts';

/** What a breaker needs. */
export interface CircuitBreakerOptions {
  /** Whose NPU route this guards, for messages. */
  what: string;
  route: Route;
  /** Resolves when the route answers as it should; brings back what it needs for that. Throws why it does not. */
  probe: () => Promise<void>;
  limits: ScoringLimits;
  /** Monotonic clock. */
  nowMs: () => number;
  /** At least 0, below 1. */
  random: () => number;
  log: Logger;
  observer?: EngineObserver | undefined;
}

/** How a breaker stands. */
export interface BreakerStatus {
  /** Closed: the route is used; half-open: it is being probed. */
  state: 'closed' | 'open' | 'half-open';
  /** Code of the failure that opened it or of the last failed probe; undefined while it is closed. */
  reason: ErrorCode | undefined;
  /** Failures among the last `breakerRunsMax` runs. */
  failures: number;
  /** Failed probes in a row, and failures soon after a good one: what the delays between probes grow with. */
  setbacks: number;
  /** Milliseconds until the next probe; undefined unless it is open. */
  nextProbeMs: number | undefined;
}

/** Nothing is gained by sending another request: each would take its whole time, or fail. */
const goneCodes: ReadonlySet<ErrorCode> = new Set([
  'device_timeout',
  'device_closed',
  'device_unavailable',
  // Of a second run: the bytes are wrong.
  'verification_failed',
]);
/** Failures that may be the request's own: they count where the CPU answers the same request. */
const suspectCodes: ReadonlySet<ErrorCode> = new Set(['engine_failed', 'internal']);

/**
 * Keeps requests from an NPU route that fails, and probes it until it is back. A device that is gone or hangs
 * opens it at once, faults open it when there are several among the last runs; what is the request's own or the
 * client's, a full queue or a deadline never does. When it opens, everything on the route is given up, so that
 * what waits behind a hung run does not wait for it.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #state: BreakerStatus['state'] = 'closed';
  #reason: ErrorCode | undefined;
  /** Whether each of the last runs failed, the newest last. */
  readonly #runs: boolean[] = [];
  readonly #counted = new WeakSet<SluiceError>();
  readonly #attempts = new Set<Cancellation>();
  #setbacks = 0;
  #closedAtMs = Number.NEGATIVE_INFINITY;
  #nextProbeAtMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** How it stands now. */
  get status(): BreakerStatus {
    return {
      state: this.#state,
      reason: this.#reason,
      failures: this.#runs.filter((failed) => failed).length,
      setbacks: this.#setbacks,
      nextProbeMs: this.#state === 'open' ? this.#untilProbeMs() : undefined,
    };
  }

  /** Whether requests may use the route. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** What a request for the route gets while it is not used: `breaker_open`, with the time until the next probe. */
  refusal(): SluiceError {
    const { what } = this.#options;
    const text = `${what}: not used since it failed (${this.#reason}); it is probed until it is well, or ask for another route`;
    return new SluiceError('breaker_open', text, { retryAfterMs: this.#untilProbeMs() });
  }

  /**
   * Does work on the route and takes note when it fails. Throws `breaker_open` while the route is not used or when
   * that begins meanwhile, else what the work throws.
   */
  async attempt<Result>(
    work: (signal: CancelSignal) => Promise<Result>,
    signal?: CancelSignal,
  ): Promise<Result> {
    if (!this.isClosed) throw this.refusal();
    const attempt = new Cancellation();
    const onAbort = (): void => attempt.abort();
    if (signal?.aborted) attempt.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#attempts.add(attempt);
    try {
      return await work(attempt);
    } catch (thrown) {
      const error = toSluiceError(thrown);
      this.failed(error);
      const wasGivenUp = error.code === 'cancelled' && attempt.aborted && !signal?.aborted;
      throw wasGivenUp ? this.refusal() : thrown;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#attempts.delete(attempt);
    }
  }

  /** Takes note of a run that went well: once for all requests that it was for, as a fault is counted once. */
  answered(): void {
    this.#note(false);
  }

  /** Takes note of an error on the route, once however many tell of it; only the device's own count. */
  failed(error: SluiceError): void {
    if (this.#counted.has(error)) return;
    if (goneCodes.has(error.code)) {
      this.#counted.add(error);
      this.#open(error);
    } else if (error.code === 'device_fault') this.#count(error);
  }

  /** The CPU has answered what the route failed on. */
  outdone(error: SluiceError): void {
    if (suspectCodes.has(error.code) && !this.#counted.has(error)) this.#count(error);
  }

  /** Ends probing. Idempotent. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #untilProbeMs(): number {
    return Math.max(0, this.#nextProbeAtMs - this.#options.nowMs());
  }

  #count(error: SluiceError): void {
    this.#counted.add(error);
    this.#note(true);
    if (this.status.failures >= this.#options.limits.breakerFailuresMax) this.#open(error);
  }

  #note(failed: boolean): void {
    if (!this.isClosed) return;
    this.#runs.push(failed);
    if (this.#runs.length > this.#options.limits.breakerRunsMax) this.#runs.shift();
  }

  #open(error: SluiceError): void {
    if (!this.isClosed || this.#stopped) return;
    const { what, route, limits, nowMs, log, observer } = this.#options;
    this.#state = 'open';
    this.#reason = error.code;
    this.#setbacks = nowMs() - this.#closedAtMs > limits.breakerSettleMs ? 0 : this.#setbacks + 1;
    this.#probeLater();
    log.warn({ code: error.code }, `${what}: not used any more, the CPU answers: ${error.message}`);
    observer?.breakerChanged({ route, isOpen: true, reason: error.code });
    for (const attempt of this.#attempts) attempt.abort();
  }

  #close(): void {
    const { what, route, nowMs, log, observer } = this.#options;
    const reason = this.#reason ?? '';
    this.#state = 'closed';
    this.#reason = undefined;
    this.#runs.length = 0;
    this.#closedAtMs = nowMs();
    log.info({ code: reason }, `${what}: answers as it should again and is used`);
    observer?.breakerChanged({ route, isOpen: false, reason });
  }

  /** Between half and the whole of the delay, so that the images of a device do not all probe it at once. */
  #probeLater(): void {
    const { limits, nowMs, random } = this.#options;
    const delayMs = backoffMs({
      failures: this.#setbacks + 1,
      baseMs: limits.breakerProbeBaseMs,
      capMs: limits.breakerProbeCapMs,
    });
    const jitteredMs = delayMs * (1 + random()) * 0.5;
    this.#nextProbeAtMs = nowMs() + jitteredMs;
    this.#timer = setTimeout(() => void this.#probe(), jitteredMs);
    this.#timer.unref();
  }

  async #probe(): Promise<void> {
    const { what, probe, log } = this.#options;
    this.#state = 'half-open';
    try {
      await probe();
      if (!this.#stopped) this.#close();
    } catch (thrown) {
      if (this.#stopped) return;
      const error = toSluiceError(thrown);
      this.#setbacks += 1;
      this.#reason = error.code;
      this.#state = 'open';
      this.#probeLater();
      log.warn({ code: error.code }, `${what}: a probe failed: ${error.message}`);
    }
  }
}
