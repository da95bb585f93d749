import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SluiceError } from '../../../contract/errors.ts';
import type { Datatype, TensorDescription } from '../../../contract/tensors.ts';
import { type CountedOptions, countRequest } from '../counted-request.ts';
import type { Deployments } from '../deployments.ts';
import { type HttpCall, httpCall } from '../exchange.ts';
import { type FoundModel, findByName } from '../find-model.ts';
import { parseJson, readBody } from '../request-body.ts';
import { imageHeader } from '../request-context.ts';
import { addRoute } from '../routes.ts';
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
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
};

/** Adds `/v1/models/…`. */
export function addPredictRoutes(
  app: FastifyInstance,
  options: Pick<CountedOptions, 'nowMs' | 'instantMs'> & { deployments: Deployments },
): void {
  const { deployments, nowMs, instantMs } = options;
  addRoute(app, '/v1/models', {
    GET: async (_request, reply) => send(reply, JSON.stringify({ models: deployments.names })),
  });
  for (const url of ['/v1/models/:model', '/v1/models/:model/versions/:version']) {
    addRoute(app, `${url}/metadata`, {
      GET: async (request, reply) => {
        const model = findModel(request, reply, deployments);
        return send(reply, JSON.stringify(metadataOf(model)));
      },
    });
    // A colon within a path's last part is no separator, so the verb comes along with name or version.
    addRoute(app, url, {
      GET: async (request, reply) =>
        send(reply, JSON.stringify(statusOf(findModel(request, reply, deployments)))),
      POST: async (request, reply) => {
        const model = findModel(request, reply, deployments, predict);
        return model.image.use(() => answer({ ...model, ...httpCall(request, reply), nowMs, instantMs }));
      },
    });
  }
}

function answer(options: CountedOptions & HttpCall): Promise<string> {
  const { image, request, reply } = options;
  return countRequest(options, async (context, meter) => {
    const { inputs, rows } = decodePredict(parseJson(await readBody(request)), image.signature);
    meter.read(inputs);
    const outputs = await context.infer(inputs);
    meter.ran();
    const json = encodePredict(outputs, rows);
    meter.wrote();
    return send(reply, json);
  });
}

/** The model of a path that must end in the verb, if there is one. Throws `unknown_model` and `not_found`. */
function findModel(
  request: FastifyRequest,
  reply: FastifyReply,
  deployments: Deployments,
  verb = '',
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
  const found = findByName(
    version === undefined ? { name: bare } : { name: model, version: bare },
    deployments,
  );
  void reply.header(imageHeader, found.image.digest);
  return found;
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

function send(reply: FastifyReply, json: string): string {
  void reply.type('application/json; charset=utf-8');
  return json;
}
