import type { FastifyInstance } from 'fastify';
import { SluiceError } from '../../contract/errors.ts';
import { onRequest } from './on-request.ts';

/** Seconds for which a browser need not ask again. */
const preflightMaxAge = 600;
/** Headers of answers that pages may read besides the usual ones. */
const exposed = [
  ...['x-sluice-route', 'x-sluice-image', 'x-sluice-npu-estimate', 'inference-header-content-length'],
  ...['retry-after', 'retry-after-ms', 'x-request-id', 'x-ms-request-id', 'x-ms-client-request-id'],
  ...['x-ms-run-fn-exec-ms', 'traceparent', 'azureml-model-deployment'],
  ...['ms-azureml-model-error-statuscode', 'ms-azureml-model-error-reason'],
].join(', ');

/**
 * Lets pages of the given origins, or with `*` of any, call the endpoint (the CORS protocol of the Fetch
 * standard). Credentials are never allowed: a key is a header that the page sets itself. Pages of other origins
 * get 403 where they would change or compute something: a browser sends such requests without asking, and only
 * keeps the answer to itself.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  const isOpen = origins.includes('*');
  onRequest(app, (request) => {
    const { origin, host } = request.headers;
    const isSafe = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
    if (origin === undefined || isSafe || isOpen || origins.includes(origin) || isOwn(origin, host)) return;
    throw new SluiceError(
      'forbidden',
      `header origin: ${JSON.stringify(origin.slice(0, 80))}; pages of this origin may not call the endpoint, see --cors-origin`,
    );
  });
  if (origins.length === 0) return;
  onRequest(app, (request, reply) => {
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

/** Whether a page comes from the endpoint itself. */
function isOwn(origin: string, host: string | undefined): boolean {
  return host !== undefined && origin.replace(/^https?:\/\//, '') === host;
}
