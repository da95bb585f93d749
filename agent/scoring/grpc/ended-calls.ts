import { status } from '@grpc/grpc-js';
import type { Logger } from '../../../base/logger.ts';
import type { ErrorCode } from '../../../contract/errors.ts';
import { LineLimit } from '../../observe/line-limit.ts';
import type { Tracer } from '../../observe/tracer.ts';
import type { ScoringLimits } from '../../scoring-limits.ts';
import { imageHeader, routeHeader } from '../request-context.ts';
import type { GrpcExchange } from './grpc-exchange.ts';
import type { Method } from './schema.ts';

/** Where ended calls are told. */
export interface EndedCallsOptions {
  limits: ScoringLimits;
  /** Where traces are on. */
  tracer?: Tracer | undefined;
  nowMs: () => number;
  log: Logger;
}

/** Logs and traces calls that have ended, and each request of a stream, as requests over HTTP are. */
export class EndedCalls {
  readonly #options: EndedCallsOptions;
  readonly #lines: LineLimit;

  constructor(options: EndedCallsOptions) {
    const { limits, nowMs } = options;
    this.#options = options;
    this.#lines = new LineLimit({ linesPerMinuteMax: limits.requestLogLinesPerMinute, nowMs });
  }

  /** Tells one; `error` is of a call that failed. */
  tell(method: Method, exchange: GrpcExchange, code: status, error?: ErrorCode): void {
    this.#log(method, exchange, code);
    const { trace, scored, elapsedMs: durationMs } = exchange;
    const [, service] = method.path.split('/');
    // Names of OpenTelemetry's semantic conventions for gRPC.
    this.#options.tracer?.write({
      ...{ trace, scored, durationMs, code: error, isError: isFault(code) },
      name: method.path.slice(1),
      attributes: {
        'rpc.system': 'grpc',
        'rpc.service': service,
        'rpc.method': method.name,
        'rpc.grpc.status_code': code,
      },
    });
  }

  #log({ path }: Method, exchange: GrpcExchange, code: status): void {
    const { log, limits } = this.#options;
    const { elapsedMs, answered, scored, trace } = exchange;
    const requestId = exchange.requestId?.slice(0, limits.requestIdCharsMax);
    const durationMs = Math.round(elapsedMs * 1000) / 1000;
    const [route, image] = [answered.get(routeHeader), answered.get(imageHeader)];
    const traceId = trace?.own?.traceId ?? trace?.parent?.traceId;
    const known = { requestId, traceId, model: scored?.model, route, image };
    const fields = { path, status: status[code], durationMs, ...known };
    const left = isFault(code) ? this.#lines.take(code, undefined) : undefined;
    if (left !== undefined) log.warn(left === 0 ? fields : { ...fields, linesLeftOut: left }, 'call');
    else log.debug(fields, 'call');
  }
}

function isFault(code: status): boolean {
  return code === status.INTERNAL || code === status.UNAVAILABLE;
}
