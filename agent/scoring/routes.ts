import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
type Method = (typeof methods)[number];

/** Answers one request; what it returns is the body. */
export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<string | Uint8Array>;

/** Serves a path with the given methods, and answers any other with 405 and `Allow`. */
export function addRoute(
  app: FastifyInstance,
  url: string,
  handlers: Partial<Record<Method, Handler>>,
): void {
  const allowed = Object.keys(handlers).join(', ');
  for (const method of methods) {
    app.route({
      method,
      url,
      handler:
        handlers[method] ??
        (async (_request, reply) => {
          void reply.header('allow', allowed);
          throw new SluiceError('method_not_allowed', `${method} ${url}: only ${allowed} is served here`);
        }),
    });
  }
}
