import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Registry } from 'prom-client';
import { onTestFinished } from 'vitest';
import type { DataCollector } from '../../agent/collect/data-collector.ts';
import { startCollector } from '../../agent/collect/start-collector.ts';
import type { EngineObserver } from '../../agent/engines/engine-observer.ts';
import type { Tracer } from '../../agent/observe/tracer.ts';
import { Deployments } from '../../agent/scoring/deployments.ts';
import { type EndpointSettings, endpointDefaults } from '../../agent/scoring/endpoint-settings.ts';
import { Endpoints } from '../../agent/scoring/endpoints.ts';
import type { ListenerSettings } from '../../agent/scoring/listener-settings.ts';
import { Mirror } from '../../agent/scoring/mirror.ts';
import { type OpenNpu, openNpu } from '../../agent/scoring/npu-device.ts';
import { ScoringServer } from '../../agent/scoring/server.ts';
import { type ScoringLimits, scoringLimits } from '../../agent/scoring-limits.ts';
import type { CollectionStart } from '../../agent/supervise/control-protocol.ts';
import { BlobStore } from '../../base/blob-store.ts';
import { createLogger, type Logger } from '../../base/logger.ts';
import { type ImageParts, makeImage } from './make-image.ts';
import { temporaryFolder } from './paths.ts';

/** A scoring server in the test's own process. */
export interface LocalScoring {
  url: string;
  port: number;
  blobs: BlobStore;
  deployments: Deployments;
  endpoints: Endpoints;
  mirror: Mirror;
  random: () => number;
  npu: OpenNpu | undefined;
  /** Where traces are on. */
  tracer: Tracer | undefined;
  /** With the option `collection`. */
  collector: DataCollector | undefined;
  /** Builds an image and activates it. */
  deploy(name: string, parts?: ImageParts): Promise<string>;
  /** POST of JSON, or of text or bytes as they are. */
  post(path: string, body: unknown, options?: RequestOptions): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** Ends the server before the test does. */
  stop(): Promise<void>;
}

/** Headers and cancellation of a request. */
interface RequestOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** An answer with its body read. */
interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: unknown;
  /** `code` of an error's body. */
  code: string | undefined;
}

/** Starts a server that stops when the test ends. */
export async function startScoring(
  options: {
    npu?: string;
    limits?: Partial<ScoringLimits>;
    log?: Logger;
    endpoint?: EndpointSettings;
    random?: () => number;
    observer?: EngineObserver;
    listeners?: ListenerSettings;
    port?: number;
    collection?: CollectionStart;
  } = {},
): Promise<LocalScoring> {
  const log = options.log ?? createLogger({ name: 'test', level: 'silent' });
  const limits = { ...scoringLimits, ...options.limits };
  const nowMs = (): number => performance.now();
  const blobs = new BlobStore(temporaryFolder());
  await blobs.start();
  const selection =
    options.npu === undefined ? null : { kind: 'simulator' as const, configuration: options.npu };
  const npu = await openNpu(selection, { limits, nowMs, log });
  const { observer } = options;
  const observed = observer === undefined ? {} : { observer };
  const endpoints = new Endpoints();
  const clocks = { nowMs, instantMs: Date.now };
  const random = options.random ?? Math.random;
  const collector =
    options.collection &&
    startCollector(options.collection, {
      ...{ seat: 0, seats: 1, limits: limits.collection, random, randomId: randomUUID, ...clocks, log },
      endpointOf: (deployment) => endpoints.ofDeployment(deployment)?.name,
    });
  const deployments = new Deployments({ blobs, npu, limits, nowMs, log, collector, ...observed });
  const mirror = new Mirror({ deployments, limits, random, ...clocks, log });
  const server = new ScoringServer({
    deployments,
    endpoints,
    random,
    mirror,
    limits,
    ...endpointDefaults,
    listeners: options.listeners ?? {},
    collector,
    ...options.endpoint,
    ...clocks,
    randomId: randomUUID,
    log,
    registry: new Registry(),
  });
  const port = (await server.start({ host: '127.0.0.1', port: options.port ?? 0 })) ?? 0;
  onTestFinished(async () => {
    await server.stop();
    await collector?.stop();
    await deployments.close();
    await npu?.close();
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    blobs,
    deployments,
    endpoints,
    mirror,
    random,
    npu,
    tracer: server.tracer,
    collector,
    deploy: async (name, parts) => {
      const digest = await makeImage(blobs, parts);
      await deployments.activate(name, digest);
      return digest;
    },
    post: (path, body, request = {}) => {
      const raw = typeof body === 'string' || body instanceof Uint8Array;
      return answerOf(
        fetch(url + path, {
          method: 'POST',
          body: (raw ? body : JSON.stringify(body)) as string,
          headers: request.headers ?? {},
          signal: request.signal ?? null,
        }),
      );
    },
    get: (path, headers = {}) => answerOf(fetch(url + path, { headers })),
    stop: () => server.stop(),
  };
}

async function answerOf(pending: Promise<Response>): Promise<Answer> {
  const response = await pending;
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  const json: unknown = isJson ? JSON.parse(text) : undefined;
  const code = (json as { code?: string } | undefined)?.code;
  return { status: response.status, headers: response.headers, text, json, code };
}
