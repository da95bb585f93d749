import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import { HttpAnswers } from '../observe/http-answers.ts';
import { onRequestEnd } from '../observe/request-end.ts';
import { RequestLog } from '../observe/request-log.ts';
import { addRequestTraces } from '../observe/request-trace.ts';
import { ScoringMetrics } from '../observe/scoring-metrics.ts';
import { Tracer } from '../observe/tracer.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { addAzureRoutes } from './azure/routes.ts';
import { collectBodies } from './body-collector.ts';
import { allowOrigins } from './cors.ts';
import type { EndpointSettings } from './endpoint-settings.ts';
import type { ModelSource } from './find-model.ts';
import { answerClientError, sendError } from './http-errors.ts';
import { addMetricsRoute, observedImages } from './metrics-route.ts';
import type { Mirror } from './mirror.ts';
import { addOpenInferenceRoutes } from './open-inference/routes.ts';
import { addPredictRoutes } from './predict/routes.ts';
import { boundInflation } from './request-body.ts';
import { originForm, refuseByHeader } from './request-line.ts';
import { cutUnreadAnswers } from './unread-answers.ts';

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
  /** Where the metrics of the process are already. */
  registry: Registry;
}

/** The HTTP server of the scoring process, in both dialects. */
export class ScoringServer {
  readonly #options: ScoringServerOptions;
  #app: FastifyInstance | undefined;
  #tracer: Tracer | undefined;

  constructor(options: ScoringServerOptions) {
    this.#options = options;
  }

  /** Listens; resolves with the port. Throws `port_in_use`. */
  async start(address: { host: string; port: number }): Promise<number> {
    this.#tracer = tracerOf(this.#options);
    const app = buildApp(this.#options, this.#tracer);
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
    await this.#tracer?.stop(this.#options.limits.traceStopMs);
  }
}

function buildApp(options: ScoringServerOptions, tracer: Tracer | undefined): FastifyInstance {
  const { limits, log } = options;
  const app = fastify({
    logger: false,
    rewriteUrl: ({ url = '' }) => originForm(url),
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
  const metrics = observe(app, options, tracer);
  allowOrigins(app, options.corsOrigins);
  app.server.maxConnections = limits.connectionsMax;
  refuseByHeader(app, limits);
  acceptAnyContentType(app);
  collectBodies(app, limits);
  cutUnreadAnswers(app, limits);
  boundInflation(app);
  app.setErrorHandler((thrown, request, reply) => sendError(thrown, { request, reply, log }));
  app.setNotFoundHandler((request) => {
    throw new SluiceError('not_found', `${request.method} ${request.url}: there is nothing here`);
  });
  addAzureRoutes(app, options);
  addOpenInferenceRoutes(app, options);
  addPredictRoutes(app, options);
  addMetricsRoute(app, metrics);
  return app;
}

/** Counts, logs and traces whatever becomes of a request; before the hooks that may refuse it. */
function observe(
  app: FastifyInstance,
  { registry, deployments, hasTritonMetricNames: hasTritonNames, limits, nowMs, log }: ScoringServerOptions,
  tracer: Tracer | undefined,
): ScoringMetrics {
  const answers = new HttpAnswers();
  const lines = new RequestLog({ log, linesPerMinuteMax: limits.requestLogLinesPerMinute, nowMs });
  onRequestEnd(app, (ended) => {
    answers.count(ended.status, ended.code);
    lines.write(ended);
    tracer?.write(ended);
  });
  addRequestTraces(app, tracer?.options);
  return new ScoringMetrics(registry, {
    images: () => observedImages(deployments),
    answers,
    spans: () => tracer?.counts ?? { exported: 0, dropped: 0 },
    hasTritonNames,
  });
}

function tracerOf(options: ScoringServerOptions): Tracer | undefined {
  const { otlpEndpoint: endpoint, traceSampleRatio: sampleRatio, limits, nowMs, instantMs, log } = options;
  if (endpoint === null) return undefined;
  return new Tracer({ endpoint, sampleRatio, limits: limits.traces, nowMs, instantMs, log });
}

/** Bodies are bytes whatever their content type says: clients send none, or a wrong or a malformed one. */
function acceptAnyContentType(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.decorateRequest('sentContentType', null);
  app.addHook('onRequest', async (request) => {
    const { headers } = request.raw;
    request.sentContentType = headers['content-type'] ?? null;
    // Fastify answers 415 to a header that it cannot parse.
    delete headers['content-type'];
  });
}
