import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Logger } from '../../base/logger.ts';
import { type ErrorCode, SluiceError, toSluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';

/** Fastify's own errors that have a code of ours. */
const fastifyCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  ECONNRESET: 'cancelled',
};

/** Answers every failure with `{error, message, code}`; `error` and `message` are the same text. */
export function installErrorHandlers(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = asApiError(thrown);
    if (error.status >= 500) logger.error({ err: error, url: request.url }, 'request failed');
    sendError(error, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    sendError(new SluiceError('not_found', `there is nothing at ${request.method} ${request.url}`), reply);
  });
}

/** Any failure as an error of ours. */
export function asApiError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const known = fastifyCodes[code];
  if (known === 'body_too_large') {
    return new SluiceError(known, `body: larger than ${limits.apiBodyBytesMax} bytes`, { cause: thrown });
  }
  if (known !== undefined) return toSluiceError(thrown, known);
  const status = thrown instanceof Error && 'statusCode' in thrown ? Number(thrown.statusCode) : 500;
  return toSluiceError(thrown, status >= 400 && status < 500 ? 'invalid_request' : 'internal');
}

/** Answers with an error; a defect keeps its details for the log. */
export function sendError(error: SluiceError, reply: FastifyReply): void {
  const message =
    error.code === 'internal' ? 'a defect of the workspace; its log has the details' : error.message;
  if (error.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000));
  reply.status(error.status).send({ error: message, message, code: error.code });
}

/** Node's own errors of requests that it cannot read. */
const clientErrors: Record<string, SluiceError> = {
  HPE_HEADER_OVERFLOW: new SluiceError('headers_too_large', 'request: its headers are too large'),
  ERR_HTTP_REQUEST_TIMEOUT: new SluiceError('request_timeout', 'request: it did not arrive whole in time'),
};

/** Answers what is not readable as HTTP in the form of every other error, and hangs up. */
export function answerClientError(thrown: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || thrown.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, message, code } =
    clientErrors[thrown.code ?? ''] ?? new SluiceError('invalid_request', 'request: not readable as HTTP');
  const body = JSON.stringify({ error: message, message, code });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n` +
      `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
