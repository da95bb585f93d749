import type { FastifyInstance, HTTPMethods } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';

const methods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Makes every path answer the methods that it lacks with 405 and an `Allow` header; Fastify would say 404.
 * Gives a function to be called when all routes stand.
 */
export function watchMethods(app: FastifyInstance): () => void {
  const allowedByPath = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ routePath, method }) => {
    const allowed = allowedByPath.get(routePath) ?? new Set();
    for (const one of [method].flat()) allowed.add(one);
    allowedByPath.set(routePath, allowed);
  });
  return () => {
    for (const [url, allowed] of [...allowedByPath]) {
      const allow = [...allowed].sort().join(', ');
      app.route({
        url,
        method: methods.filter((method) => !allowed.has(method)),
        handler: (request, reply) => {
          reply.header('allow', allow);
          throw new SluiceError(
            'method_not_allowed',
            `${request.method} ${request.url}: not possible, only ${allow} is`,
          );
        },
      });
    }
  };
}
