import type { Metadata } from '@grpc/grpc-js';
import { SluiceError } from '../../../contract/errors.ts';
import type { CancelSignal } from '../../engines/cancellation.ts';
import type { ScoredRequest } from '../../observe/request-end.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import type { Exchange } from '../exchange.ts';

/** A call, or one request of a stream. */
export interface GrpcExchangeOptions {
  metadata: Metadata;
  trace: RequestTrace | null;
  /** Milliseconds that are left of the call's deadline; undefined for none. */
  timeoutMs: number | undefined;
  signal: CancelSignal;
  nowMs: () => number;
}

/** An exchange over gRPC: headers are metadata. */
export class GrpcExchange implements Exchange {
  readonly timeoutMs: number | undefined;
  readonly signal: CancelSignal;
  readonly trace: RequestTrace | null;
  /** Headers of the answer. */
  readonly answered = new Map<string, string>();
  scored: ScoredRequest | null = null;
  readonly #metadata: Metadata;
  readonly #nowMs: () => number;
  readonly #arrivedMs: number;
  /** Work for when the answer has left; undefined from then on. */
  #afterAnswer: (() => void)[] | undefined = [];

  constructor({ metadata, trace, timeoutMs, signal, nowMs }: GrpcExchangeOptions) {
    this.timeoutMs = timeoutMs;
    this.signal = signal;
    this.trace = trace;
    this.#metadata = metadata;
    this.#nowMs = nowMs;
    this.#arrivedMs = nowMs();
  }

  header(name: string): string | undefined {
    const values = this.#metadata.get(name);
    if (values.length > 1) throw new SluiceError('invalid_request', `metadata ${name}: given twice`);
    return values[0]?.toString();
  }

  get requestId(): string | undefined {
    const [id] = this.#metadata.get('x-request-id');
    return id === undefined || id.length === 0 ? undefined : id.toString();
  }

  setHeader(name: string, value: string): void {
    this.answered.set(name, value);
  }

  hasHeader(name: string): boolean {
    return this.answered.has(name);
  }

  get elapsedMs(): number {
    return this.#nowMs() - this.#arrivedMs;
  }

  afterAnswer(work: () => void): void {
    if (this.#afterAnswer === undefined) work();
    else this.#afterAnswer.push(work);
  }

  /** The answer was handed over, or nobody waits for it. */
  end(): void {
    const works = this.#afterAnswer ?? [];
    this.#afterAnswer = undefined;
    // What was handed over is written before the next turn of the loop.
    setImmediate(() => {
      for (const work of works) work();
    });
  }
}
