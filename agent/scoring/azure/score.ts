import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type { ScriptHost } from '../../scripts/script-host.ts';
import { checkInputs } from '../../tensors/signature.ts';
import type { Deployments } from '../deployments.ts';
import type { FoundModel } from '../find-model.ts';
import { parseJson, readBody } from '../request-body.ts';
import { RequestContext } from '../request-context.ts';
import { echoRequestIds } from '../request-ids.ts';
import type { Handler } from '../routes.ts';
import { decodeScoreBody, encodeScoreBody, queryAsBody } from './score-body.ts';

/** What scoring needs besides the request. */
export interface ScoreOptions {
  deployments: Deployments;
  limits: ScoringLimits;
  nowMs: () => number;
  randomId: () => string;
}

type Query = Record<string, string | string[]>;

/** Answers `/score` with the deployment that `choose` finds. */
export function scoreHandler(
  options: ScoreOptions,
  choose: (request: FastifyRequest, deployments: Deployments) => FoundModel,
): Handler {
  return async (request, reply) => {
    const { deployments, limits, nowMs, randomId } = options;
    echoRequestIds({ request, reply, charsMax: limits.requestIdCharsMax, randomId });
    const { image } = choose(request, deployments);
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
