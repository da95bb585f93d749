import type { FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import { tokenMatches } from '../keys/tokens.ts';

/** The bearer token of a request (RFC 6750, section 2.1). Throws `unauthorized`. */
export function bearerToken(request: FastifyRequest): string {
  const match = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(request.headers.authorization ?? '');
  if (match?.[1] === undefined) {
    throw new SluiceError(
      'unauthorized',
      'authorization: a header "Authorization: Bearer <token>" is expected',
    );
  }
  return match[1];
}

/** Makes a hook that lets only the administrator pass. */
export function requireAdmin(tokenHash: Uint8Array): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    if (!tokenMatches(bearerToken(request), tokenHash)) {
      throw new SluiceError(
        'unauthorized',
        "authorization: the token is not the workspace's; it is in the file admin-token of its state folder",
      );
    }
  };
}
