import type { FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';

const empty = new Uint8Array();

/** The body's bytes, whatever its content type; none when there is no body. */
export function bodyOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : empty;
}

/** Bytes as JSON. Throws `invalid_json` with the parser's reason. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (thrown) {
    const reason =
      bytes.length === 0 ? 'it is empty' : thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('invalid_json', `body: not JSON (${reason})`, { cause: thrown });
  }
}
