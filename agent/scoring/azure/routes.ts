import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type { ScriptHost } from '../../scripts/script-host.ts';
import { checkInputs } from '../../tensors/signature.ts';
import type { Deployments } from '../deployments.ts';
import { parseJson, readBody } from '../request-body.ts';
import { RequestContext, singleHeader } from '../request-context.ts';
import { echoRequestIds } from '../request-ids.ts';
import { addRoute, type Handler } from '../routes.ts';
import type { ServedImage } from '../served-image.ts';
import { decodeScoreBody, encodeScoreBody, queryAsBody } from './score-body.ts';

/** What the Azure dialect needs besides the deployments. */
export interface AzureOptions {
  deployments: Deployments;
  limits: ScoringLimits;
  nowMs: () => number;
  randomId: () => string;
}

type Query = Record<string, string | string[]>;

/** Headers that pin a deployment; ours first. */
const deploymentHeaders = ['x-sluice-deployment', 'azureml-model-deployment'] as const;

/** Adds the routes of Azure ML's inference server: `/`, `/score` and `/api/v1/service/{name}/score`. */
export function addAzureRoutes(app: FastifyInstance, options: AzureOptions): void {
  addRoute(app, '/', {
    GET: async (_request, reply) => {
      void reply.type('text/plain; charset=utf-8');
      return 'Healthy';
    },
  });
  const score = scoreHandler(options, (request) => chooseDeployment(request, options.deployments));
  addRoute(app, '/score', { GET: score, POST: score });
  const service = scoreHandler(options, (request) => {
    const { service: name } = request.params as { service: string };
    return requireDeployment(name, options.deployments);
  });
  addRoute(app, '/api/v1/service/:service/score', { GET: service, POST: service });
}

function scoreHandler(options: AzureOptions, choose: (request: FastifyRequest) => ServedImage): Handler {
  return async (request, reply) => {
    const { limits, nowMs, randomId } = options;
    echoRequestIds({ request, reply, charsMax: limits.requestIdCharsMax, randomId });
    const image = choose(request);
    return image.use(async () => {
      const context = new RequestContext({ image, request, reply, nowMs });
      const startedMs = nowMs();
      try {
        return image.script === undefined
          ? await scoreDirectly(context, request, reply)
          : await scoreByScript({ context, script: image.script, request, reply });
      } finally {
        void reply.header('x-ms-run-fn-exec-ms', (nowMs() - startedMs).toFixed(3));
      }
    });
  };
}

/** The one deployment, or the one that a header pins. Throws `not_ready`, `unknown_model` or `invalid_request`. */
function chooseDeployment(request: FastifyRequest, deployments: Deployments): ServedImage {
  for (const header of deploymentHeaders) {
    const name = singleHeader(request, header);
    if (name !== undefined) return requireDeployment(name, deployments);
  }
  const [only, ...others] = deployments.names;
  if (only === undefined) throw new SluiceError('not_ready', 'no deployment is served here yet');
  if (others.length > 0) {
    throw new SluiceError(
      'invalid_request',
      `/score: several deployments are served here (${deployments.names.join(', ')}); name one in the header x-sluice-deployment`,
    );
  }
  return requireDeployment(only, deployments);
}

function requireDeployment(name: string, deployments: Deployments): ServedImage {
  const image = deployments.get(name);
  if (image !== undefined) return image;
  if (deployments.names.length === 0) throw new SluiceError('not_ready', 'no deployment is served here yet');
  throw new SluiceError(
    'unknown_model',
    `deployment ${JSON.stringify(name)} is not served here; served: ${deployments.names.join(', ')}`,
  );
}

async function scoreDirectly(
  context: RequestContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<string> {
  const body =
    request.method === 'GET' ? queryAsBody(request.query as Query) : parseJson(await readBody(request));
  const outputs = await context.infer(decodeScoreBody(body, context.image.signature));
  void reply.type('application/json; charset=utf-8');
  return encodeScoreBody(outputs);
}

async function scoreByScript(options: {
  context: RequestContext;
  script: ScriptHost;
  request: FastifyRequest;
  reply: FastifyReply;
}): Promise<Uint8Array> {
  const { context, script, request, reply } = options;
  const answer = await script.run(
    {
      method: request.method,
      headers: flatHeaders(request),
      query: { ...(request.query as Query) },
      contentType: request.sentContentType,
      // A copy, because a message would clone the whole pool that small Buffers share.
      body: new Uint8Array(await readBody(request)),
    },
    {
      infer: (inputs) => {
        checkInputs(context.image.signature, inputs);
        return context.infer(inputs);
      },
      terms: context.terms,
    },
  );
  context.nameNoRoute();
  void reply.type(answer.contentType);
  // A Buffer is sent as it is; another view would be serialised.
  return Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength);
}

function flatHeaders(request: FastifyRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  );
}
