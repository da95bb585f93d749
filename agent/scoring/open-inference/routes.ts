import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import type { Deployments } from '../deployments.ts';
import { httpCall } from '../exchange.ts';
import { type FoundModel, findModel } from '../find-model.ts';
import { parseJson, readBody } from '../request-body.ts';
import { imageHeader } from '../request-context.ts';
import { addRoute, type Handler } from '../routes.ts';
import { infer } from './infer.ts';
import { modelConfiguration, modelMetadata, serverMetadata } from './metadata.ts';
import { controlModel, repositoryIndex } from './repository.ts';
import { modelStatistics } from './statistics.ts';

// Open Inference Protocol v2 over HTTP, with the extensions of Triton that its clients call. A model's name is
// the deployment's, its version the image's. Where the protocol's documents disagree: `/v2` and `/v2/` both
// answer, and health answers carry both `ready` and `live`, which satisfies every client that reads either.

/** What the dialect needs. */
export interface OpenInferenceOptions {
  deployments: Deployments;
  /** What `GET /v2` calls the server. */
  serverName: string;
  /** Whether clients may load and unload models. */
  allowsModelControl: boolean;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
}

/** Adds the routes of the Open Inference dialect. */
export function addOpenInferenceRoutes(app: FastifyInstance, options: OpenInferenceOptions): void {
  const { deployments, serverName } = options;
  for (const url of ['/v2', '/v2/']) {
    addRoute(app, url, { GET: async (_request, reply) => send(reply, serverMetadata(serverName)) });
  }
  addRoute(app, '/v2/health/live', { GET: async (_request, reply) => send(reply, { live: true }) });
  addRoute(app, '/v2/health/ready', { GET: async (_request, reply) => serverReady(reply, deployments) });
  addRoute(app, '/v2/models/stats', {
    GET: async (_request, reply) => send(reply, modelStatistics(allModels(deployments))),
  });
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    addModelRoutes(app, model, options);
  }
  addRepositoryRoutes(app, options);
}

function addModelRoutes(app: FastifyInstance, url: string, options: OpenInferenceOptions): void {
  const { deployments, nowMs, instantMs } = options;
  const describe = (answer: (model: FoundModel) => object): Handler => {
    return async (request, reply) => {
      const model = findModel(request, deployments);
      void reply.header(imageHeader, model.image.digest);
      return send(reply, answer(model));
    };
  };
  addRoute(app, url, { GET: describe(modelMetadata) });
  addRoute(app, `${url}/ready`, { GET: describe(({ name }) => ({ name, ready: true })) });
  addRoute(app, `${url}/config`, { GET: describe(modelConfiguration) });
  addRoute(app, `${url}/stats`, { GET: describe((model) => modelStatistics([model])) });
  addRoute(app, `${url}/infer`, {
    POST: async (request, reply) => {
      const model = findModel(request, deployments);
      return model.image.use(() => infer({ ...model, ...httpCall(request, reply), nowMs, instantMs }));
    },
  });
}

function addRepositoryRoutes(app: FastifyInstance, options: OpenInferenceOptions): void {
  const { deployments, allowsModelControl: isAllowed } = options;
  addRoute(app, '/v2/repository/index', {
    POST: async (request, reply) => {
      const body = await readBody(request);
      return send(reply, repositoryIndex(body.length === 0 ? {} : parseJson(body), deployments));
    },
  });
  for (const action of ['load', 'unload'] as const) {
    addRoute(app, `/v2/repository/models/:model/${action}`, {
      POST: async (request: FastifyRequest, reply) => {
        const { model } = request.params as { model: string };
        await controlModel(model, action, { deployments, isAllowed });
        return send(reply, {});
      },
    });
  }
}

function allModels(deployments: Deployments): FoundModel[] {
  return deployments.names.flatMap((name) => {
    const image = deployments.get(name);
    return image === undefined ? [] : [{ name, image }];
  });
}

function serverReady(reply: FastifyReply, deployments: Deployments): string {
  if (deployments.names.length > 0) return send(reply, { ready: true, live: true });
  const { status, code, message } = new SluiceError('not_ready', 'no deployment is served here yet');
  void reply.code(status);
  return send(reply, { ready: false, live: true, error: message, message, code });
}

function send(reply: FastifyReply, body: unknown): string {
  void reply.type('application/json; charset=utf-8');
  return JSON.stringify(body);
}
