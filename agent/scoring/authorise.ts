import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Name } from '../../contract/names.ts';
import type { Endpoint, Endpoints } from './endpoints.ts';
import type { Gate } from './on-request.ts';

/** RFC 6750, section 2.1. */
const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * Lets those pass who have a key of the endpoint that a deployment stands behind, and everybody where it stands
 * behind none. `authorization` is the header of that name, or gRPC's metadata. Throws `unauthorized`.
 */
export function authorise(
  deployment: Name,
  authorization: string | undefined,
  endpoints: Pick<Endpoints, 'ofDeployment'>,
): void {
  authoriseEndpoint(endpoints.ofDeployment(deployment), authorization);
}

/** The same for an endpoint itself. */
export function authoriseEndpoint(endpoint: Endpoint | undefined, authorization: string | undefined): void {
  if (isAuthorised(endpoint, authorization)) return;
  const what = authorization === undefined ? 'is missing' : 'has no key of it';
  throw new SluiceError(
    'unauthorized',
    `header authorization: ${what}; endpoint ${endpoint?.name} takes "Bearer <key>" with its primary or secondary key`,
  );
}

/**
 * A gate for requests without the key of whom `find` finds, so that a body of theirs is never taken in. What else
 * `find` throws is left to the handler, which finds anew when the body is there.
 */
export function keyGate(
  endpoints: Pick<Endpoints, 'areKeyed'>,
  find: (request: FastifyRequest) => unknown,
): Gate {
  return (request) => {
    if (!endpoints.areKeyed) return;
    try {
      find(request);
    } catch (thrown) {
      if (toSluiceError(thrown).code === 'unauthorized') throw thrown;
    }
  };
}

/** Whether a header opens an endpoint. Every key is compared, in a time that tells nothing of them. */
export function isAuthorised(
  endpoint: Pick<Endpoint, 'keyHashes'> | undefined,
  authorization: string | undefined,
): boolean {
  if (endpoint?.keyHashes === undefined) return true;
  const key = bearer.exec(authorization ?? '')?.[1];
  if (key === undefined) return false;
  const hash = createHash('sha256').update(key).digest();
  return endpoint.keyHashes.filter((known) => timingSafeEqual(hash, known)).length > 0;
}
