import type { FastifyRequest } from 'fastify';
import type { Tensor } from '../../../contract/tensors.ts';
import { forwardedTrace } from '../../observe/request-trace.ts';
import type { ScoringLimits } from '../../scoring-limits.ts';
import type { ScriptHost } from '../../scripts/script-host.ts';
import type { ScriptRequest } from '../../scripts/script-protocol.ts';
import { fieldsOf, type SequenceRequest } from '../../sequences/sequence-request.ts';
import { signatureFor } from '../../sequences/stateful-model.ts';
import { writeJson } from '../../tensors/encode.ts';
import { answeredOutputs, checkInputs, type RequestSignature } from '../../tensors/signature.ts';
import { type CountedOptions, countRequest } from '../counted-request.ts';
import { type HttpCall, httpCall } from '../exchange.ts';
import type { ModelSource } from '../find-model.ts';
import { copyOf, type Mirror } from '../mirror.ts';
import type { MirroredRun } from '../mirrored-run.ts';
import { readBody } from '../request-body.ts';
import { deploymentHeader } from '../request-context.ts';
import { echoRequestIds } from '../request-ids.ts';
import { RequestJson, requestKind } from '../request-json.ts';
import type { Handler } from '../routes.ts';
import type { ServedImage } from '../served-image.ts';
import { releaseAnswer } from '../when-over.ts';
import type { Choose } from './choose-deployment.ts';
import { decodeScoreBody, encodeScoreBody, queryAsBody } from './score-body.ts';

/** What scoring needs besides the request. */
export interface ScoreOptions extends ModelSource {
  mirror: Mirror;
  limits: ScoringLimits;
  nowMs: () => number;
  /** Milliseconds since 1970. */
  instantMs: () => number;
  randomId: () => string;
}

const none = new Uint8Array();

type Query = Record<string, string | string[]>;

/** Answers `/score` with the deployment that `choose` finds, and has the answered request mirrored. */
export function scoreHandler(options: ScoreOptions, choose: Choose): Handler {
  return async (request, reply) => {
    const { mirror, limits, nowMs, instantMs, randomId } = options;
    echoRequestIds({ request, reply, charsMax: limits.requestIdCharsMax, randomId });
    const found = choose(request, options, 'run');
    const { name, image } = found;
    void reply.header(deploymentHeader, name);
    const counted: CountedOptions & HttpCall = {
      ...{ name, dialect: 'azure', image, nowMs, instantMs },
      ...httpCall(request, reply),
    };
    return image.use(async () => {
      const startedMs = nowMs();
      try {
        return await (image.script === undefined
          ? scoreDirectly(counted)
          : scoreByScript(counted, image.script));
      } finally {
        void reply.header('x-ms-run-fn-exec-ms', (nowMs() - startedMs).toFixed(3));
        mirror.follow(
          found,
          copyOf(request, (run) => rescore(request, run)),
        );
      }
    });
  };
}

function scoreDirectly(options: CountedOptions & HttpCall): Promise<Uint8Array> {
  const { request, reply } = options;
  return countRequest(options, async (context, meter) => {
    if (request.method !== 'GET') await readBody(request);
    const signature = signatureFor(context.image, context.sequence);
    const inputs = await decodeDirectly(request, context.image, signature);
    meter.read(inputs);
    const outputs = await context.infer(inputs, context.sequence);
    meter.ran();
    const answer = await writeJson(encodeScoreBody(answeredOutputs(signature, outputs)));
    meter.wrote();
    releaseAnswer(answer, reply);
    void reply.type('application/json; charset=utf-8');
    return answer;
  });
}

function scoreByScript(options: CountedOptions & HttpCall, script: ScriptHost): Promise<Uint8Array> {
  const { request, reply } = options;
  return countRequest(options, async (context) => {
    const { phases: _, ...terms } = context.terms;
    await readBody(request);
    const answer = await script.run(scriptRequestOf(request, context.sequence), {
      infer: async (inputs, sequence) => {
        const signature = signatureFor(context.image, sequence);
        checkInputs(signature, inputs);
        return answeredOutputs(signature, await context.infer(inputs, sequence));
      },
      // Phases are those of the model's runs alone.
      terms,
    });
    context.nameNoRoute();
    void reply.type(answer.contentType);
    // A Buffer is sent as it is; another view would be serialised.
    return Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength);
  });
}

/** A copy of an answered request, read anew: the other image may take other inputs, or have a script. */
async function rescore(request: FastifyRequest, run: MirroredRun): Promise<void> {
  const { image, terms } = run;
  if (image.script === undefined) {
    await run.inferDecoded(await decodeDirectly(request, image, image.signature));
    return;
  }
  const infer = (inputs: Tensor[]): Promise<Tensor[]> => {
    checkInputs(image.signature, inputs);
    return run.infer(inputs);
  };
  await image.script.run(scriptRequestOf(request), { infer, terms });
}

/** The inputs of a request whose body was read. */
async function decodeDirectly(
  request: FastifyRequest,
  image: ServedImage,
  signature: RequestSignature,
): Promise<Tensor[]> {
  if (request.method === 'GET') return decodeScoreBody(queryAsBody(request.query as Query), signature);
  const json = await RequestJson.read(request.plainBody ?? none, requestKind('score', image));
  return decodeScoreBody(json.value, signature, (description, data) => json.decodeNested(description, data));
}

/** What a script sees of a request whose body was read. */
function scriptRequestOf(request: FastifyRequest, sequence?: SequenceRequest): ScriptRequest {
  return {
    method: request.method,
    headers: flatHeaders(request),
    query: { ...(request.query as Query) },
    contentType: request.sentContentType,
    // A copy, because a message would clone the whole pool that small Buffers share.
    body: new Uint8Array(request.plainBody ?? none),
    sequence: fieldsOf(sequence),
  };
}

function flatHeaders(request: FastifyRequest): Record<string, string> {
  // The body comes as it is, whatever these said of the way here.
  const { 'content-encoding': _coding, 'content-length': _length, ...others } = request.headers;
  // The endpoint's key is none of the script's business, nor of the one that gets a copy.
  const { authorization: _key, ...sent } = others;
  const headers = { ...sent, ...forwardedTrace(request) };
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}
