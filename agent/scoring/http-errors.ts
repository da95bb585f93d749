import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../base/logger.ts';
import { type ErrorCode, SluiceError } from '../../contract/errors.ts';

/** Characters of an error's message that go into a header. */
const reasonCharsMax = 512;

/** The body of every error: Open Inference clients read `error`, Azure's read `message`, ours `code`. */
function errorBody(error: SluiceError): string {
  return JSON.stringify({ error: error.message, message: error.message, code: error.code });
}

/** Answers a request with an error. A defect is logged with its stack and answered without. */
export function sendError(
  thrown: unknown,
  context: { request: FastifyRequest; reply: FastifyReply; log: Logger },
): void {
  const { reply, request, log } = context;
  const error = classify(thrown);
  request.failure = error.code;
  if (error.code === 'internal') {
    log.error({ err: thrown, path: request.routeOptions.url }, 'request failed by a defect');
  }
  if (error.retryAfterMs !== undefined) {
    const retryAfterMs = Math.max(1, Math.ceil(error.retryAfterMs));
    void reply.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
    void reply.header('retry-after-ms', String(retryAfterMs));
  }
  if (error.code === 'unauthorized') void reply.header('www-authenticate', 'Bearer');
  if (error.code === 'script_failed') void reply.headers(modelErrorHeaders(error));
  void reply.code(error.status).type('application/json; charset=utf-8').send(errorBody(error));
}

/**
 * How Azure's endpoints say, beside a 424, what their model's server answered. A reason has to fit into a header,
 * so what is not printable ASCII is escaped and a long one is cut; the body has it whole.
 */
function modelErrorHeaders({ message }: SluiceError): Record<string, string> {
  const reason = JSON.stringify(message)
    .slice(1, -1)
    .replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return {
    'ms-azureml-model-error-statuscode': '500',
    'ms-azureml-model-error-reason': reason.slice(0, reasonCharsMax),
  };
}

function classify(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const { statusCode, message } = thrown as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new SluiceError('invalid_request', `request: ${message}`);
  }
  return new SluiceError('internal', 'a defect; the log of the scoring process has the details', {
    cause: thrown,
  });
}

const clientErrors: Record<string, { code: ErrorCode; message: string }> = {
  HPE_HEADER_OVERFLOW: { code: 'headers_too_large', message: 'request: its headers are too large' },
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'request_timeout',
    message: 'request: it did not arrive whole within the time limit',
  },
};

/**
 * Answers what is not readable as HTTP, in the same form as every other error, and hangs up: at once when the
 * client does, else after `hangUpMs`, because nothing else ends a connection that the client keeps half open.
 */
export function answerClientError(thrown: Error & { code?: string }, socket: Socket, hangUpMs: number): void {
  if (!socket.writable || thrown.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { code, message } = clientErrors[thrown.code ?? ''] ?? {
    code: 'invalid_request',
    message: 'request: not readable as HTTP',
  };
  const error = new SluiceError(code, message);
  const body = errorBody(error);
  const timer = setTimeout(() => socket.destroy(), hangUpMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\nconnection: close\r\n` +
      `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
