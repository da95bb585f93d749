import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import { keyGate } from '../authorise.ts';
import type { Deployments } from '../deployments.ts';
import { httpExchange } from '../exchange.ts';
import { type FoundModel, findModel, visibleModels, visibleNames } from '../find-model.ts';
import { copyOf } from '../mirror.ts';
import { parseJson, readBody } from '../request-body.ts';
import { deploymentHeader, imageHeader } from '../request-context.ts';
import { addRoute, type Handler } from '../routes.ts';
import { infer, reinfer } from './infer.ts';
import { modelConfiguration, modelMetadata, serverMetadata } from './metadata.ts';
import type { OpenInferenceOptions } from './options.ts';
import { controlModel, repositoryIndex } from './repository.ts';
import { modelStatistics } from './statistics.ts';

// Open Inference Protocol v2 over HTTP, with the extensions of Triton that its clients call. A model's name is
// the deployment's, its version the image's. Where the protocol's documents disagree: `/v2` and `/v2/` both
// answer, and health answers carry both `ready` and `live`, which satisfies every client that reads either.

/** Adds the routes of the Open Inference dialect. */
export function addOpenInferenceRoutes(app: FastifyInstance, options: OpenInferenceOptions): void {
  const { deployments, serverName, peers } = options;
  for (const url of ['/v2', '/v2/']) {
    addRoute(app, url, { GET: async (_request, reply) => send(reply, serverMetadata(serverName)) });
  }
  addRoute(app, '/v2/health/live', { GET: async (_request, reply) => send(reply, { live: true }) });
  addRoute(app, '/v2/health/ready', { GET: async (_request, reply) => serverReady(reply, deployments) });
  addRoute(app, '/v2/models/stats', {
    GET: async (request, reply) =>
      send(reply, await modelStatistics(visibleModels(request.headers.authorization, options), peers)),
  });
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    addModelRoutes(app, model, options);
  }
  addRepositoryRoutes(app, options);
}

function addModelRoutes(app: FastifyInstance, url: string, options: OpenInferenceOptions): void {
  const { mirror, peers, nowMs, instantMs } = options;
  const describe = (answer: (model: FoundModel) => object | Promise<object>): Handler => {
    return async (request, reply) => {
      const model = findModel(request, options, 'describe');
      void reply.header(imageHeader, model.image.digest);
      return send(reply, await answer(model));
    };
  };
  addRoute(app, url, { GET: describe(modelMetadata) });
  addRoute(app, `${url}/ready`, { GET: describe(({ name }) => ({ name, ready: true })) });
  addRoute(app, `${url}/config`, { GET: describe(modelConfiguration) });
  addRoute(app, `${url}/stats`, { GET: describe((model) => modelStatistics([model], peers)) });
  const gate = keyGate(options.endpoints, (request) => findModel(request, options, 'describe'));
  const post: Handler = async (request, reply) => {
    const model = findModel(request, options, 'run');
    void reply.header(deploymentHeader, model.name);
    return model.image.use(async () => {
      try {
        // Field by field: spread objects take longer than a small model.
        const { name, image } = model;
        const exchange = httpExchange(request, reply);
        return await infer({
          name,
          image,
          dialect: 'open-inference',
          nowMs,
          instantMs,
          request,
          reply,
          exchange,
        });
      } finally {
        mirror.follow(
          model,
          copyOf(request, (run) => reinfer(request, run)),
        );
      }
    });
  };
  addRoute(app, `${url}/infer`, { POST: post }, gate);
}

function addRepositoryRoutes(app: FastifyInstance, options: OpenInferenceOptions): void {
  const { deployments, endpoints, peers, allowsModelControl: isAllowed } = options;
  addRoute(app, '/v2/repository/index', {
    POST: async (request, reply) => {
      const body = await readBody(request);
      const index = repositoryIndex(body.length === 0 ? {} : parseJson(body), {
        deployments,
        isVisible: visibleNames(request.headers.authorization, endpoints),
      });
      return send(reply, index);
    },
  });
  for (const action of ['load', 'unload'] as const) {
    addRoute(app, `/v2/repository/models/:model/${action}`, {
      POST: async (request: FastifyRequest, reply) => {
        const { model } = request.params as { model: string };
        const { authorization } = request.headers;
        await controlModel(model, action, { authorization, deployments, endpoints, peers, isAllowed });
        return send(reply, {});
      },
    });
  }
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
