import type { FastifyInstance } from 'fastify';
import type { Logger } from '../../base/logger.ts';

/** Logs one line a request: a warning for what this server, or a script of it (424), is at fault for, else on the debug level. Never a body. */
export function addRequestLog(app: FastifyInstance, log: Logger): void {
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode } = reply;
    const level = statusCode >= 500 || statusCode === 424 ? 'warn' : 'debug';
    if (!log.isLevelEnabled(level)) return;
    const fields = {
      method: request.method,
      path: request.url.split('?', 1)[0],
      status: statusCode,
      durationMs: Math.round(reply.elapsedTime * 1000) / 1000,
      requestId: reply.getHeader('x-request-id'),
      route: reply.getHeader('x-sluice-route'),
      image: reply.getHeader('x-sluice-image'),
    };
    log[level](fields, 'request');
  });
}
