import type { Logger } from '../../base/logger.ts';
import { LineLimit, type LineLimitOptions } from './line-limit.ts';
import { type EndedRequest, isServerFault } from './request-end.ts';

/** Statuses of requests that were refused or given up, by whoever's fault: they say that a device has too much to do. */
const rejections: ReadonlySet<number> = new Set([408, 429, 499]);
/** Characters of an identifier of the client's that are logged. */
const idCharsMax = 100;

/** What a request log needs. */
export interface RequestLogOptions extends LineLimitOptions {
  log: Logger;
}

/**
 * Logs a line a request: a warning for what this server is at fault for, information for a refused one, and the
 * debug level for all others. Of the first two so many a minute, because a flash disk wears out. Never a body, a
 * query or a header that may hold a secret.
 */
export class RequestLog {
  readonly #options: RequestLogOptions;
  readonly #lines: LineLimit;

  constructor(options: RequestLogOptions) {
    this.#options = options;
    this.#lines = new LineLimit(options);
  }

  /** Logs one. */
  write(ended: EndedRequest): void {
    const { log } = this.#options;
    const level = levelOf(ended.status);
    if (level !== 'debug' && log.isLevelEnabled(level)) {
      const left = this.#lines.take(ended.status, ended.code);
      if (left !== undefined) {
        log[level](left === 0 ? fieldsOf(ended) : { ...fieldsOf(ended), linesLeftOut: left }, 'request');
        return;
      }
    }
    if (log.isLevelEnabled('debug')) log.debug(fieldsOf(ended), 'request');
  }
}

function levelOf(status: number): 'warn' | 'info' | 'debug' {
  if (isServerFault(status)) return 'warn';
  return rejections.has(status) ? 'info' : 'debug';
}

function fieldsOf({ request, reply, status, code, durationMs }: EndedRequest): object {
  const { scored, trace } = request;
  return {
    method: request.method,
    // The pattern: what stands in its place may be anything that a client sends.
    path: request.routeOptions.url,
    status,
    code,
    durationMs: Math.round(durationMs * 1000) / 1000,
    requestId: idOf(reply.getHeader('x-request-id') ?? request.headers['x-request-id']),
    clientRequestId: idOf(request.headers['x-ms-client-request-id']),
    traceId: trace?.own?.traceId ?? trace?.parent?.traceId,
    model: scored?.model,
    version: scored?.version,
    route: reply.getHeader('x-sluice-route'),
    image: reply.getHeader('x-sluice-image'),
  };
}

function idOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, idCharsMax) : undefined;
}
