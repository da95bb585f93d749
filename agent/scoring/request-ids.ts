import type { FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import { singleHeader } from './request-context.ts';

/**
 * Azure's request ids (its inference server's document, table of request and response headers): the request id
 * is generated when absent; `x-ms-request-id` answers with itself, else the client's id, else the request id;
 * `x-ms-client-request-id` answers with itself, else what came as `x-ms-request-id`.
 * Returns the request id. Throws `headers_too_large`.
 */
export function echoRequestIds(options: {
  request: FastifyRequest;
  reply: FastifyReply;
  charsMax: number;
  randomId: () => string;
}): string {
  const { reply, randomId } = options;
  const requestId = idHeader(options, 'x-request-id') ?? randomId();
  void reply.header('x-request-id', requestId);
  const msRequestId = idHeader(options, 'x-ms-request-id');
  const clientRequestId = idHeader(options, 'x-ms-client-request-id');
  void reply.header('x-ms-request-id', msRequestId ?? clientRequestId ?? requestId);
  const client = clientRequestId ?? msRequestId;
  if (client !== undefined) void reply.header('x-ms-client-request-id', client);
  return requestId;
}

function idHeader(options: { request: FastifyRequest; charsMax: number }, name: string): string | undefined {
  const value = singleHeader(options.request, name);
  if (value === undefined || value === '') return undefined;
  if (value.length <= options.charsMax) return value;
  throw new SluiceError(
    'headers_too_large',
    `header ${name}: ${value.length} characters, at most ${options.charsMax} are allowed`,
  );
}
