import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Capture } from '../collect/capture.ts';
import { headerLengthHeader } from './open-inference/infer-body.ts';

const none = new Uint8Array();

/** Keeps the bodies of requests that are collected, and their answers, when an answer leaves. */
export function collectPayloads(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const capture = request.scored?.capture;
    if (capture !== undefined) keep(capture, { request, reply, payload });
    done(null, payload);
  });
}

function keep(
  capture: Capture,
  { request, reply, payload }: { request: FastifyRequest; reply: FastifyReply; payload: unknown },
): void {
  const { method, url: path, plainBody, sentContentType } = request;
  request.collected?.keep();
  capture.payload(
    'request',
    {
      bytes: plainBody ?? none,
      contentType: sentContentType ?? undefined,
      headerLength: textOf(request.headers[headerLengthHeader]),
    },
    { attributes: { method, path }, agoMs: reply.elapsedTime },
  );
  capture.payload(
    'response',
    {
      bytes: bytesOf(payload),
      contentType: textOf(reply.getHeader('content-type')),
      coding: textOf(reply.getHeader('content-encoding')),
      headerLength: textOf(reply.getHeader(headerLengthHeader)),
    },
    { attributes: { statuscode: String(reply.statusCode) } },
  );
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  return typeof payload === 'string' ? Buffer.from(payload) : none;
}

function textOf(header: unknown): string | undefined {
  return typeof header === 'string' ? header : undefined;
}
