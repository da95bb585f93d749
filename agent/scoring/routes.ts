import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import { asHook, type Gate } from './on-request.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
type Method = (typeof methods)[number];

/** Answers one request; what it returns is the body. */
export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<string | Uint8Array>;

/**
 * Serves a path with the given methods, answers OPTIONS with an empty 204 and any other method with 405; both say
 * in `Allow` what there is. `gate` refuses early who may not ask. HEAD is as GET where that only looks: a path that takes POST too computes.
 */
export function addRoute(
  app: FastifyInstance,
  url: string,
  handlers: Partial<Record<Exclude<Method, 'HEAD' | 'OPTIONS'>, Handler>>,
  gate?: Gate,
): void {
  const served: Partial<Record<Method, Handler>> = { ...handlers };
  if (handlers.GET !== undefined && handlers.POST === undefined) served.HEAD = handlers.GET;
  const allowed = [...Object.keys(served), 'OPTIONS'].join(', ');
  for (const method of methods) {
    app.route({
      method,
      url,
      exposeHeadRoute: false,
      ...(gate === undefined || served[method] === undefined ? {} : { onRequest: asHook(gate) }),
      handler:
        served[method] ??
        (async (_request, reply) => {
          void reply.header('allow', allowed);
          if (method === 'OPTIONS') {
            void reply.code(204);
            return '';
          }
          throw new SluiceError('method_not_allowed', `${method} ${url}: only ${allowed} is served here`);
        }),
    });
  }
}
