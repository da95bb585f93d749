import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits as contractLimits } from '../../contract/limits.ts';
import { addRequestLog } from '../observe/request-log.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { addAzureRoutes } from './azure/routes.ts';
import { allowOrigins } from './cors.ts';
import type { EndpointSettings } from './endpoint-settings.ts';
import type { ModelSource } from './find-model.ts';
import { answerClientError, sendError } from './http-errors.ts';
import type { Mirror } from './mirror.ts';
import { addOpenInferenceRoutes } from './open-inference/routes.ts';
import { addPredictRoutes } from './predict/routes.ts';
import { boundInflation } from './request-body.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Content type as it came; null when there was none. */
    sentContentType: string | null;
  }
}

/** Longest part of a path that stands for a name; a longer one is refused as unknown. */
const pathParameterCharsMax = 1024;

/** What the scoring server needs. */
export interface ScoringServerOptions extends Required<EndpointSettings>, ModelSource {
  mirror: Mirror;
  limits: ScoringLimits;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
  randomId: () => string;
  log: Logger;
}

/** The HTTP server of the scoring process, in both dialects. */
export class ScoringServer {
  readonly #options: ScoringServerOptions;
  #app: FastifyInstance | undefined;

  constructor(options: ScoringServerOptions) {
    this.#options = options;
  }

  /** Listens; resolves with the port. Throws `port_in_use`. */
  async start(address: { host: string; port: number }): Promise<number> {
    const app = buildApp(this.#options);
    this.#app = app;
    try {
      await app.listen(address);
    } catch (thrown) {
      const { code } = thrown as { code?: unknown };
      if (code !== 'EADDRINUSE') throw thrown;
      throw new SluiceError(
        'port_in_use',
        `port ${address.port} on ${address.host} is in use by another program; stop it or choose another with --port`,
        { cause: thrown },
      );
    }
    return (app.server.address() as AddressInfo).port;
  }

  /** Takes no more requests, lets the running ones end within `limits.stopMs`, then hangs up. Idempotent. */
  async stop(): Promise<void> {
    const app = this.#app;
    if (app === undefined) return;
    const timer = setTimeout(() => app.server.closeAllConnections(), this.#options.limits.stopMs);
    await app.close();
    clearTimeout(timer);
  }
}

function buildApp(options: ScoringServerOptions): FastifyInstance {
  const { limits, log } = options;
  const app = fastify({
    logger: false,
    bodyLimit: contractLimits.scoringBodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.connectionCheckMs,
      // Node would answer without a body.
      requireHostHeader: false,
    },
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: pathParameterCharsMax },
    clientErrorHandler: (thrown, socket) => answerClientError(thrown, socket, limits.hangUpMs),
    // What Fastify refuses before a route is found, such as a path that cannot be decoded.
    frameworkErrors: (thrown, request, reply) => sendError(thrown, { request, reply, log }),
  });
  allowOrigins(app, options.corsOrigins);
  refuseByHeader(app);
  acceptAnyBody(app);
  boundInflation(app);
  addRequestLog(app, log);
  app.setErrorHandler((thrown, request, reply) => sendError(thrown, { request, reply, log }));
  app.setNotFoundHandler((request) => {
    throw new SluiceError('not_found', `${request.method} ${request.url}: there is nothing here`);
  });
  addAzureRoutes(app, options);
  addOpenInferenceRoutes(app, options);
  addPredictRoutes(app, options);
  return app;
}

/** Checks what Node would refuse with an empty answer. */
function refuseByHeader(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.addHook('onRequest', async (request) => {
    const { headers, httpVersion } = request.raw;
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

/** Bodies are bytes whatever their content type says: clients send none, or a wrong or a malformed one. */
function acceptAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.decorateRequest('sentContentType', null);
  app.addHook('onRequest', async (request) => {
    const { headers } = request.raw;
    request.sentContentType = headers['content-type'] ?? null;
    // Fastify answers 415 to a header that it cannot parse.
    delete headers['content-type'];
  });
}
