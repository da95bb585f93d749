import type { FastifyRequest } from 'fastify';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type { ScriptHost } from '../../scripts/script-host.ts';
import { checkInputs } from '../../tensors/signature.ts';
import { type CountedOptions, countRequest } from '../counted-request.ts';
import type { Deployments } from '../deployments.ts';
import { type HttpCall, httpCall } from '../exchange.ts';
import type { FoundModel } from '../find-model.ts';
import { parseJson, readBody } from '../request-body.ts';
import { echoRequestIds } from '../request-ids.ts';
import type { Handler } from '../routes.ts';
import { decodeScoreBody, encodeScoreBody, queryAsBody } from './score-body.ts';

/** What scoring needs besides the request. */
export interface ScoreOptions {
  deployments: Deployments;
  limits: ScoringLimits;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
  randomId: () => string;
}

type Query = Record<string, string | string[]>;

/** Answers `/score` with the deployment that `choose` finds. */
export function scoreHandler(
  options: ScoreOptions,
  choose: (request: FastifyRequest, deployments: Deployments) => FoundModel,
): Handler {
  return async (request, reply) => {
    const { deployments, limits, nowMs, instantMs, randomId } = options;
    echoRequestIds({ request, reply, charsMax: limits.requestIdCharsMax, randomId });
    const { image } = choose(request, deployments);
    const counted = { image, ...httpCall(request, reply), nowMs, instantMs };
    return image.use(async () => {
      const startedMs = nowMs();
      try {
        return await (image.script === undefined
          ? scoreDirectly(counted)
          : scoreByScript(counted, image.script));
      } finally {
        void reply.header('x-ms-run-fn-exec-ms', (nowMs() - startedMs).toFixed(3));
      }
    });
  };
}

function scoreDirectly(options: CountedOptions & HttpCall): Promise<string> {
  const { request, reply } = options;
  return countRequest(options, async (context, meter) => {
    const body =
      request.method === 'GET' ? queryAsBody(request.query as Query) : parseJson(await readBody(request));
    const inputs = decodeScoreBody(body, context.image.signature);
    meter.read(inputs);
    const outputs = await context.infer(inputs);
    meter.ran();
    const answer = encodeScoreBody(outputs);
    meter.wrote();
    void reply.type('application/json; charset=utf-8');
    return answer;
  });
}

function scoreByScript(options: CountedOptions & HttpCall, script: ScriptHost): Promise<Uint8Array> {
  const { request, reply } = options;
  return countRequest(options, async (context) => {
    const { phases: _, ...terms } = context.terms;
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
        // Phases are those of the model's runs alone.
        terms,
      },
    );
    context.nameNoRoute();
    void reply.type(answer.contentType);
    // A Buffer is sent as it is; another view would be serialised.
    return Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength);
  });
}

function flatHeaders(request: FastifyRequest): Record<string, string> {
  // The body comes as it is, whatever these said of the way here.
  const { 'content-encoding': _coding, 'content-length': _length, ...headers } = request.headers;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  );
}
