import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { singleHeader } from './request-context.ts';

const codings = new Map([
  ['gzip', promisify<Uint8Array, { level: number }, Buffer>(gzip)],
  ['deflate', promisify<Uint8Array, { level: number }, Buffer>(deflate)],
]);
/** The fastest: numbers shrink little more by a slower one. */
const level = 1;

/**
 * Compresses an answer for a client that asks for exactly one coding by name, as Open Inference clients do that
 * were told to. A list, which general clients send with every request, gets the answer as it is: compressing
 * costs more time than a local network does.
 */
export async function compressIfAsked(
  body: string | Uint8Array,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<string | Uint8Array> {
  const coding = singleHeader(request, 'accept-encoding')?.trim().toLowerCase();
  const compress = codings.get(coding ?? '');
  if (compress === undefined || coding === undefined) return body;
  const varies = reply.getHeader('vary');
  void reply
    .header('content-encoding', coding)
    .header('vary', varies === undefined ? 'accept-encoding' : `${varies}, accept-encoding`);
  return compress(typeof body === 'string' ? Buffer.from(body, 'utf8') : body, { level });
}
