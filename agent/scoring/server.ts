import fastify, { type FastifyInstance } from 'fastify';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits as contractLimits } from '../../contract/limits.ts';
import { addRequestLog } from '../observe/request-log.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { addAzureRoutes } from './azure/routes.ts';
import { allowOrigins } from './cors.ts';
import type { Deployments } from './deployments.ts';
import type { EndpointSettings } from './endpoint-settings.ts';
import { sendError } from './http-errors.ts';
import { HttpListeners } from './http-listeners.ts';
import type { ListenerSettings, TcpAddress } from './listener-settings.ts';
import { addOpenInferenceRoutes } from './open-inference/routes.ts';
import type { Peers } from './peers.ts';
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
export interface ScoringServerOptions extends Required<EndpointSettings> {
  deployments: Deployments;
  /** TLS, and a Unix-domain socket. */
  listeners: ListenerSettings;
  /** The other scoring processes of this device, when there are any. */
  peers?: Peers;
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
  #listeners: HttpListeners | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ScoringServerOptions) {
    this.#options = options;
  }

  /** Listens; resolves with the TCP port, or null without TCP. Throws `port_in_use` or `usage`. */
  async start(address: TcpAddress): Promise<number | null> {
    const { listeners: settings, peers, limits, log } = this.#options;
    const app = buildApp(this.#options);
    this.#app = app;
    await app.ready();
    // Fastify's own server never listens: all of ours are made alike, which its additional ones are not.
    this.#listeners = new HttpListeners({
      handler: (request, response) => app.routing(request, response),
      settings,
      ownsSocketFile: peers === undefined,
      limits,
      log,
    });
    return this.#listeners.start(address);
  }

  /** Takes no more requests, lets the running ones end within `limits.stopMs`, then hangs up. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    // From here on requests on open connections are refused, and their connections closed.
    await this.#app?.close();
    await this.#listeners?.stop();
  }
}

function buildApp(options: ScoringServerOptions): FastifyInstance {
  const { log } = options;
  const app = fastify({
    logger: false,
    bodyLimit: contractLimits.scoringBodyBytesMax,
    routerOptions: { maxParamLength: pathParameterCharsMax },
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
