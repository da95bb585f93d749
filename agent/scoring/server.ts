import fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Logger } from '../../base/logger.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { DataCollector } from '../collect/data-collector.ts';
import { HttpAnswers } from '../observe/http-answers.ts';
import { onRequestEnd } from '../observe/request-end.ts';
import { RequestLog } from '../observe/request-log.ts';
import { addRequestTraces, tracedHttp } from '../observe/request-trace.ts';
import { ScoringMetrics } from '../observe/scoring-metrics.ts';
import type { ToldMetrics } from '../observe/told-metrics.ts';
import { Tracer } from '../observe/tracer.ts';
import type { ScoringLimits } from '../scoring-limits.ts';
import { addAzureRoutes } from './azure/routes.ts';
import { collectBodies } from './body-collector.ts';
import { collectPayloads } from './collect-payloads.ts';
import { allowOrigins } from './cors.ts';
import type { EndpointSettings } from './endpoint-settings.ts';
import type { ModelSource } from './find-model.ts';
import { sendError } from './http-errors.ts';
import { HttpListeners } from './http-listeners.ts';
import type { ListenerSettings, TcpAddress } from './listener-settings.ts';
import { addMetricsRoute, observedImages } from './metrics-route.ts';
import type { Mirror } from './mirror.ts';
import { onRequest } from './on-request.ts';
import { addOpenInferenceRoutes } from './open-inference/routes.ts';
import type { Peers } from './peers.ts';
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

/** No route declares a schema: Fastify need not load its compilers, which are a fifth of all that it loads. */
const noSchemas = { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } };

function noCompiler(): never {
  throw new Error('a route declares a schema');
}

/** What the scoring server needs. */
export interface ScoringServerOptions extends Required<EndpointSettings>, ModelSource {
  mirror: Mirror;
  /** TLS, and a Unix-domain socket. */
  listeners: ListenerSettings;
  /** The other scoring processes of this device, when there are any. */
  peers?: Peers;
  /** Where data is collected. */
  collector?: DataCollector | undefined;
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
  /** Undefined while traces are off. Stops with this server. */
  readonly tracer: Tracer | undefined;
  readonly #options: ScoringServerOptions;
  #app: FastifyInstance | undefined;
  #metrics: ScoringMetrics | undefined;
  #listeners: HttpListeners | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ScoringServerOptions) {
    this.#options = options;
    this.tracer = tracerOf(options);
  }

  /** Listens; resolves with the TCP port, or null without TCP. Throws `port_in_use` or `usage`. */
  async start(address: TcpAddress): Promise<number | null> {
    const { listeners: settings, peers, limits, log } = this.#options;
    const { app, metrics } = buildApp(this.#options, this.tracer);
    this.#app = app;
    this.#metrics = metrics;
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

  /** What this process alone measured; nothing before it listens. */
  async tellMetrics(): Promise<ToldMetrics> {
    return this.#metrics?.tell() ?? {};
  }

  /**
   * Takes no more requests, lets the running ones end within `limits.stopMs`, then hangs up. Spans of others, that end
   * meanwhile, are waited for. Idempotent.
   */
  stop(others: Promise<void> = Promise.resolve()): Promise<void> {
    this.#stopped ??= this.#stop(others);
    return this.#stopped;
  }

  async #stop(others: Promise<void>): Promise<void> {
    // From here on requests on open connections are refused, and their connections closed.
    await this.#app?.close();
    await this.#listeners?.stop();
    await others;
    await this.tracer?.stop(this.#options.limits.traceStopMs);
  }
}

function buildApp(
  options: ScoringServerOptions,
  tracer: Tracer | undefined,
): { app: FastifyInstance; metrics: ScoringMetrics } {
  const { limits, log } = options;
  const app = fastify({
    logger: false,
    schemaController: noSchemas,
    rewriteUrl: ({ url = '' }) => originForm(url),
    routerOptions: { maxParamLength: pathParameterCharsMax },
    // What Fastify refuses before a route is found, such as a path that cannot be decoded.
    frameworkErrors: (thrown, request, reply) => sendError(thrown, { request, reply, log }),
  });
  const metrics = observe(app, options, tracer);
  allowOrigins(app, options.corsOrigins);
  refuseByHeader(app, limits);
  acceptAnyContentType(app);
  collectBodies(app, limits);
  cutUnreadAnswers(app, limits);
  boundInflation(app);
  if (options.collector !== undefined) collectPayloads(app);
  app.setErrorHandler((thrown, request, reply) => sendError(thrown, { request, reply, log }));
  app.setNotFoundHandler((request) => {
    throw new SluiceError('not_found', `${request.method} ${request.url}: there is nothing here`);
  });
  addAzureRoutes(app, options);
  addOpenInferenceRoutes(app, options);
  addPredictRoutes(app, options);
  addMetricsRoute(app, metrics);
  return { app, metrics };
}

/** Counts, logs and traces whatever becomes of a request; before the hooks that may refuse it. */
function observe(
  app: FastifyInstance,
  options: ScoringServerOptions,
  tracer: Tracer | undefined,
): ScoringMetrics {
  const { registry, deployments, collector, hasTritonMetricNames: hasTritonNames, peers } = options;
  const { limits, nowMs, log } = options;
  const answers = new HttpAnswers();
  const lines = new RequestLog({ log, linesPerMinuteMax: limits.requestLogLinesPerMinute, nowMs });
  onRequestEnd(app, (ended) => {
    answers.count(ended.status, ended.code);
    lines.write(ended);
    tracer?.write(tracedHttp(ended));
  });
  addRequestTraces(app, tracer?.options);
  return new ScoringMetrics(registry, {
    images: () => observedImages(deployments),
    answers,
    spans: () => tracer?.counts ?? { exported: 0, dropped: 0 },
    collection: () => collector?.state,
    hasTritonNames,
    peers,
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
  onRequest(app, (request) => {
    const { headers } = request.raw;
    request.sentContentType = headers['content-type'] ?? null;
    // Fastify answers 415 to a header that it cannot parse.
    delete headers['content-type'];
  });
}
