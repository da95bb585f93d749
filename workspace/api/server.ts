import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import Fastify, { type FastifyInstance } from 'fastify';
import type { BlobStore } from '../../base/blob-store.ts';
import type { Logger } from '../../base/logger.ts';
import { sluiceVersion } from '../../base/version.ts';
import { limits } from '../../contract/limits.ts';
import type { Deployments } from '../deployments/deployments.ts';
import type { Endpoints } from '../deployments/endpoints.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { ListenerTls } from '../network.ts';
import type { ImageRegistry } from '../registry/image-registry.ts';
import type { ModelRegistry } from '../registry/model-registry.ts';
import { requireAdmin } from './auth.ts';
import { blobRoutes } from './blobs.ts';
import { type BootstrapFacts, bootstrapRoutes } from './bootstrap.ts';
import { deploymentRoutes } from './deployments.ts';
import { deviceRoutes } from './devices.ts';
import { endpointRoutes } from './endpoints.ts';
import { answerClientError, asApiError, installErrorHandlers, sendError } from './errors.ts';
import { imageRoutes } from './images.ts';
import { watchMethods } from './method-not-allowed.ts';
import { modelRoutes } from './models.ts';
import { readBodiesAsJson } from './parsing.ts';

/** Longest part of a path that stands for a name, so that a name too long is refused as one. */
const pathParameterCharsMax = 1024;

/** What the REST API serves. */
export interface ApiOptions {
  adminTokenHash: Uint8Array;
  blobs: BlobStore;
  models: ModelRegistry;
  images: ImageRegistry;
  fleet: Fleet;
  deployments: Deployments;
  endpoints: Endpoints;
  bootstrap: BootstrapFacts;
  brokerConnected: () => boolean;
  tls: ListenerTls | undefined;
  logger: Logger;
}

/** Builds the server of `/api/v1`; it does not listen yet. */
export function buildApi(options: ApiOptions): FastifyInstance {
  const app: FastifyInstance = Fastify({
    bodyLimit: limits.apiBodyBytesMax,
    routerOptions: { maxParamLength: pathParameterCharsMax },
    frameworkErrors: (error, _request, reply) => sendError(asApiError(error), reply),
    clientErrorHandler: answerClientError,
    // A stopping workspace does not wait for clients that keep their connections.
    forceCloseConnections: true,
    serverFactory: (handler) =>
      options.tls === undefined ? createServer(handler) : createTlsServer(options.tls, handler),
  });
  installErrorHandlers(app, options.logger);
  readBodiesAsJson(app);
  void app.register(async (open) => openRoutes(open, options), { prefix: '/api/v1' });
  void app.register(async (guarded) => guardedRoutes(guarded, options), { prefix: '/api/v1' });
  return app;
}

/** Routes with no authentication, or one of their own. */
function openRoutes(app: FastifyInstance, options: ApiOptions): void {
  const finish = watchMethods(app);
  app.get('/health', async () => ({
    status: 'ok',
    workspace: options.bootstrap.workspace,
    version: sluiceVersion,
    broker: options.brokerConnected() ? 'connected' : 'disconnected',
  }));
  bootstrapRoutes(app, { fleet: options.fleet, facts: options.bootstrap });
  finish();
}

/** Routes of the administrator. */
async function guardedRoutes(app: FastifyInstance, options: ApiOptions): Promise<void> {
  app.addHook('onRequest', requireAdmin(options.adminTokenHash));
  const finish = watchMethods(app);
  modelRoutes(app, options);
  imageRoutes(app, options);
  deviceRoutes(app, options);
  deploymentRoutes(app, options);
  endpointRoutes(app, options);
  finish();
  await app.register(async (streamed) => {
    const finishStreamed = watchMethods(streamed);
    blobRoutes(streamed, options);
    finishStreamed();
  });
}
