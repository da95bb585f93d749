import type { FastifyInstance } from 'fastify';

/** Seconds for which a browser need not ask again. */
const preflightMaxAge = 600;
/** Headers of answers that pages may read besides the usual ones. */
const exposed = [
  ...['x-sluice-route', 'x-sluice-image', 'x-sluice-npu-estimate', 'inference-header-content-length'],
  ...['retry-after', 'retry-after-ms', 'x-request-id', 'x-ms-request-id', 'x-ms-client-request-id'],
  'x-ms-run-fn-exec-ms',
].join(', ');

/**
 * Lets pages of the given origins, or with `*` of any, call the endpoint (the CORS protocol of the Fetch
 * standard). Credentials are never allowed: a key is a header that the page sets itself. Without origins nothing
 * is added, and browsers keep other sites out.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const isOpen = origins.includes('*');
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    if (!isOpen) void reply.header('vary', 'origin');
    if (origin === undefined || !(isOpen || origins.includes(origin))) return;
    void reply.header('access-control-allow-origin', isOpen ? '*' : origin);
    const method = request.headers['access-control-request-method'];
    if (request.method !== 'OPTIONS' || method === undefined) {
      void reply.header('access-control-expose-headers', exposed);
      return;
    }
    const asked = request.headers['access-control-request-headers'];
    void reply
      .header('access-control-allow-methods', 'GET, POST, OPTIONS')
      .header('access-control-max-age', String(preflightMaxAge));
    if (asked !== undefined) void reply.header('access-control-allow-headers', asked);
  });
}
