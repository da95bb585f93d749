import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sluiceVersion } from '../../base/version.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { ModelMetadata } from '../../contract/open-inference.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { Deployments } from './deployments.ts';
import { decodeInferRequest, encodeInferResponse } from './open-inference-codec.ts';
import { bodyOf, parseJson } from './request-body.ts';
import { imageHeader, RequestContext } from './request-context.ts';
import { addRoute } from './routes.ts';
import type { ServedImage } from './served-image.ts';

// Open Inference Protocol v2 over HTTP. A model's name is the deployment's, its version the image's.
// Where the protocol's documents disagree: `/v2` and `/v2/` both answer, and health answers carry both
// `ready` and `live`, which satisfies every client that reads either.

const json = 'application/json; charset=utf-8';

/** Adds the routes of the Open Inference dialect. */
export function addOpenInferenceRoutes(app: FastifyInstance, deployments: Deployments): void {
  for (const url of ['/v2', '/v2/']) addRoute(app, url, { GET: serverMetadata });
  addRoute(app, '/v2/health/live', { GET: async (_request, reply) => send(reply, { live: true }) });
  addRoute(app, '/v2/health/ready', { GET: async (_request, reply) => serverReady(reply, deployments) });
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    addRoute(app, model, {
      GET: async (request, reply) => {
        const { name, image } = findModel(request, deployments);
        void reply.header(imageHeader, image.digest);
        return send(reply, modelMetadata(name, image));
      },
    });
    addRoute(app, `${model}/ready`, {
      GET: async (request, reply) => {
        const { name, image } = findModel(request, deployments);
        void reply.header(imageHeader, image.digest);
        return send(reply, { name, ready: true });
      },
    });
    addRoute(app, `${model}/infer`, {
      POST: async (request, reply) => {
        const { name, image } = findModel(request, deployments);
        return image.use(() => infer({ name, image, request, reply }));
      },
    });
  }
}

async function serverMetadata(_request: FastifyRequest, reply: FastifyReply): Promise<string> {
  return send(reply, { name: 'sluice', version: sluiceVersion, extensions: [] });
}

function serverReady(reply: FastifyReply, deployments: Deployments): string {
  if (deployments.names.length > 0) return send(reply, { ready: true, live: true });
  const { status, code, message } = new SluiceError('not_ready', 'no deployment is served here yet');
  void reply.code(status);
  return send(reply, { ready: false, live: true, error: message, message, code });
}

function modelMetadata(name: string, image: ServedImage): ModelMetadata {
  const { inputs, outputs } = image.signature;
  return { name, versions: [String(image.version)], platform: 'onnxruntime_onnx', inputs, outputs };
}

/** The deployment of a path. Throws `unknown_model`, in the words that clients of Triton look for. */
function findModel(request: FastifyRequest, deployments: Deployments): { name: string; image: ServedImage } {
  const { model: name, version } = request.params as { model: string; version?: string };
  const image = deployments.get(name);
  if (image === undefined) {
    const served = deployments.names.join(', ') || 'nothing';
    throw new SluiceError(
      'unknown_model',
      `Request for unknown model: ${JSON.stringify(name)} is not found; served here: ${served}`,
    );
  }
  if (version !== undefined && version !== String(image.version)) {
    throw new SluiceError(
      'unknown_model',
      `Request for unknown model: ${JSON.stringify(name)} version ${JSON.stringify(version)} is not found; ` +
        `served here: version ${image.version}`,
    );
  }
  return { name, image };
}

async function infer(options: {
  name: string;
  image: ServedImage;
  request: FastifyRequest;
  reply: FastifyReply;
}): Promise<string> {
  const { name, image, request, reply } = options;
  const context = new RequestContext(options);
  const decoded = decodeInferRequest(parseJson(bodyOf(request)), image.signature);
  const all = await context.infer(decoded.inputs);
  const outputs = decoded.outputNames.map((output) => all.find((tensor) => tensor.name === output) as Tensor);
  void reply.type(json);
  return encodeInferResponse({
    modelName: name,
    modelVersion: String(image.version),
    id: decoded.id,
    outputs,
  });
}

function send(reply: FastifyReply, body: unknown): string {
  void reply.type(json);
  return JSON.stringify(body);
}
