import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import type { Datatype, TensorDescription } from '../../../contract/tensors.ts';
import { signatureFor } from '../../sequences/stateful-model.ts';
import { writeJson } from '../../tensors/encode.ts';
import { answeredOutputs } from '../../tensors/signature.ts';
import { keyGate } from '../authorise.ts';
import { type CountedOptions, countRequest } from '../counted-request.ts';
import { type HttpCall, httpCall } from '../exchange.ts';
import { type FoundModel, findByName, type ModelSource, type Purpose, visibleNames } from '../find-model.ts';
import { copyOf, type Mirror } from '../mirror.ts';
import type { MirroredRun } from '../mirrored-run.ts';
import { readBody } from '../request-body.ts';
import { deploymentHeader, imageHeader } from '../request-context.ts';
import { RequestJson, requestKind } from '../request-json.ts';
import { addRoute, type Handler } from '../routes.ts';
import type { ServedImage } from '../served-image.ts';
import { releaseAnswer } from '../when-over.ts';
import { decodePredict, encodePredict } from './predict-body.ts';

// The REST API of TensorFlow Serving and of KServe's v1 protocol: they share the paths, and each reads its own
// fields of the status.

const predict = ':predict';

/** TensorFlow's names of datatypes. */
const tensorflowTypes: Record<Datatype, string> = {
  BOOL: 'DT_BOOL',
  UINT8: 'DT_UINT8',
  UINT16: 'DT_UINT16',
  UINT32: 'DT_UINT32',
  UINT64: 'DT_UINT64',
  INT8: 'DT_INT8',
  INT16: 'DT_INT16',
  INT32: 'DT_INT32',
  INT64: 'DT_INT64',
  FP16: 'DT_HALF',
  BF16: 'DT_BFLOAT16',
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
};

/** Adds `/v1/models/…`. */
export function addPredictRoutes(
  app: FastifyInstance,
  options: Pick<CountedOptions, 'nowMs' | 'instantMs'> & ModelSource & { mirror: Mirror },
): void {
  const { deployments, endpoints, mirror, nowMs, instantMs } = options;
  addRoute(app, '/v1/models', {
    GET: async (request, reply) => {
      const models = deployments.names.filter(visibleNames(request.headers.authorization, endpoints));
      return send(reply, JSON.stringify({ models }));
    },
  });
  const describe = (answerOf: (model: FoundModel) => object): Handler => {
    return async (request, reply) => {
      const model = findModel(request, { source: options, purpose: 'describe' });
      void reply.header(imageHeader, model.image.digest);
      return send(reply, JSON.stringify(answerOf(model)));
    };
  };
  const post: Handler = async (request, reply) => {
    const model = findModel(request, { source: options, purpose: 'run', verb: predict });
    void reply.header(deploymentHeader, model.name);
    return model.image.use(async () => {
      try {
        return await answer({
          ...{ ...model, dialect: 'predict', nowMs, instantMs },
          ...httpCall(request, reply),
        });
      } finally {
        mirror.follow(
          model,
          copyOf(request, (run) => answerAgain(request, run)),
        );
      }
    });
  };
  const gate = keyGate(endpoints, (request) => {
    const verb = request.method === 'POST' ? predict : '';
    return findModel(request, { source: options, purpose: 'describe', verb });
  });
  for (const url of ['/v1/models/:model', '/v1/models/:model/versions/:version']) {
    addRoute(app, `${url}/metadata`, { GET: describe(metadataOf) });
    // A colon within a path's last part is no separator, so the verb comes along with name or version.
    addRoute(app, url, { GET: describe(statusOf), POST: post }, gate);
  }
}

function answer(options: CountedOptions & HttpCall): Promise<Uint8Array> {
  const { image, request, reply } = options;
  return countRequest(options, async (context, meter) => {
    const signature = signatureFor(image, context.sequence);
    const json = await readRequest(await readBody(request), image);
    const { inputs, rows } = decodePredict(json, signature);
    meter.read(inputs);
    const outputs = await context.infer(inputs, context.sequence);
    meter.ran();
    const body = await writeJson(encodePredict(answeredOutputs(signature, outputs), rows));
    meter.wrote();
    releaseAnswer(body, reply);
    return send(reply, body);
  });
}

/** Runs a copy of an answered request, read anew: the other image may take other inputs. */
async function answerAgain(request: FastifyRequest, run: MirroredRun): Promise<void> {
  const json = await readRequest(request.plainBody ?? new Uint8Array(), run.image);
  await run.inferDecoded(decodePredict(json, run.image.signature).inputs);
}

function readRequest(body: Uint8Array, image: ServedImage): Promise<RequestJson> {
  return RequestJson.read(body, requestKind('predict', image));
}

/** The model of a path that must end in the verb, if there is one. Throws `unknown_model` and `not_found`. */
function findModel(
  request: FastifyRequest,
  { source, purpose, verb = '' }: { source: ModelSource; purpose: Purpose; verb?: string },
): FoundModel {
  const { model, version } = request.params as { model: string; version?: string };
  const last = version ?? model;
  if (!last.endsWith(verb)) {
    throw new SluiceError(
      'not_found',
      `POST ${request.url}: there is nothing here; ${predict} was expected behind it`,
    );
  }
  const bare = last.slice(0, last.length - verb.length);
  const named = version === undefined ? { name: bare, version } : { name: model, version: bare };
  return findByName({ ...named, authorization: request.headers.authorization, purpose }, source);
}

function statusOf({ name, image }: FoundModel): object {
  return {
    name,
    ready: true,
    model_version_status: [
      { version: String(image.version), state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
    ],
  };
}

function metadataOf({ name, image }: FoundModel): object {
  const tensors = (descriptions: readonly TensorDescription[]): object =>
    Object.fromEntries(
      descriptions.map(({ name: tensor, datatype, shape }) => [
        tensor,
        {
          dtype: tensorflowTypes[datatype],
          tensor_shape: { dim: shape.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
          name: tensor,
        },
      ]),
    );
  return {
    model_spec: { name, signature_name: '', version: String(image.version) },
    metadata: {
      signature_def: {
        signature_def: {
          serving_default: {
            inputs: tensors(image.signature.inputs),
            outputs: tensors(image.signature.outputs),
            method_name: 'tensorflow/serving/predict',
          },
        },
      },
    },
  };
}

function send<Json extends string | Uint8Array>(reply: FastifyReply, json: Json): Json {
  void reply.type('application/json; charset=utf-8');
  return json;
}
