import type { FastifyInstance } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import { onRequest } from './on-request.ts';

/**
 * A target as a path, for the router: the absolute form, which a server must take (RFC 9112 section 3.2.2), without
 * scheme and host. Of anything else the router would ignore the first character.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const path = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1] ?? target;
  return path.startsWith('/') ? path : `/${path}`;
}

/** Checks what Node would refuse with an empty answer, or take only a part of without a word. */
export function refuseByHeader(app: FastifyInstance, { headersMax }: { headersMax: number }): void {
  onRequest(app, (request) => {
    const { headers, httpVersion, rawHeaders } = request.raw;
    const count = rawHeaders.length / 2;
    if (count > headersMax) {
      throw new SluiceError(
        'headers_too_large',
        `request: ${count} headers, at most ${headersMax} are allowed`,
      );
    }
    // RFC 9112 section 3.2.
    if (httpVersion === '1.1' && headers.host === undefined) {
      throw new SluiceError('invalid_request', 'header host: missing; HTTP/1.1 asks for it');
    }
    if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
      throw new SluiceError(
        'invalid_request',
        `header expect: ${JSON.stringify(headers.expect.slice(0, 40))}; 100-continue expected`,
      );
    }
  });
}
