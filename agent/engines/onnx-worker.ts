import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { env, InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Datatype, Tensor } from '../../contract/tensors.ts';
import { bytesOf, type ElementArray, elementArrays, elementsOf } from '../tensors/element-arrays.ts';
import type { OnnxReply, OnnxRequest, OnnxWorkerData } from './onnx-protocol.ts';
import { transferListOf } from './transfer.ts';

// The thread of one ONNX Runtime session. `create()` and `run()` block the thread that calls them, hence this one.

const onnxTypes = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP32: 'float32',
  FP64: 'float64',
} as const satisfies Record<Datatype, string>;

const reasonCharsMax = 400;

const { path, digest, signature, keepsQuantisation, transferBytesMin } = workerData as OnnxWorkerData;
const outputNames = signature.outputs.map(({ name }) => name);

function reply(message: OnnxReply): void {
  const transfer = message.type === 'done' ? transferListOf(message.outputs, transferBytesMin) : [];
  parentPort?.postMessage(message, transfer);
}

function fail(thrown: unknown): void {
  const { code, message } = toSluiceError(thrown, 'engine_failed');
  const text = message.replaceAll(/\s+/g, ' ').slice(0, reasonCharsMax);
  reply({
    type: 'failed',
    error: { code, message: code === 'engine_failed' ? `ONNX Runtime: ${text}` : text },
  });
}

function readModel(): Uint8Array {
  const bytes = readFileSync(path);
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (actual === digest) return bytes;
  throw new SluiceError(
    'blob_digest_mismatch',
    `model ${digest}: its bytes on disk have the digest ${actual}`,
  );
}

async function load(): Promise<InferenceSession> {
  // What goes wrong is thrown as well; without this it is also printed on the process's standard error.
  env.logLevel = 'fatal';
  const session = await InferenceSession.create(readModel(), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    // Spinning burns a core between requests for a gain that one thread a session cannot have.
    extra: {
      session: {
        intra_op: { allow_spinning: '0' },
        inter_op: { allow_spinning: '0' },
        disable_quant_qdq: keepsQuantisation ? '1' : '0',
      },
    },
  });
  checkNames('input', session.inputNames, signature.inputs);
  checkNames('output', session.outputNames, signature.outputs);
  return session;
}

function checkNames(kind: string, actual: readonly string[], described: readonly { name: string }[]): void {
  for (const { name } of described) {
    if (!actual.includes(name)) {
      throw new SluiceError(
        'manifest_invalid',
        `run manifest: ${kind} ${name} does not exist in the model, which has ${actual.join(', ')}`,
      );
    }
  }
}

async function run(session: InferenceSession, inputs: readonly Tensor[]): Promise<Tensor[]> {
  const feeds: Record<string, OnnxTensor> = {};
  for (const input of inputs) {
    feeds[input.name] = new OnnxTensor(onnxTypes[input.datatype], elementsOf(input) as never, input.shape);
  }
  const results = await session.run(feeds, outputNames);
  return signature.outputs.map(({ name, datatype }) => {
    const result = results[name];
    if (result === undefined || result.type !== onnxTypes[datatype]) {
      throw new SluiceError('engine_failed', `output ${name} is ${result?.type}, ${datatype} expected`);
    }
    const elements = result.data as ElementArray;
    if (!(elements instanceof elementArrays[datatype])) {
      throw new SluiceError('engine_failed', `output ${name} came in an unknown form`);
    }
    return { name, datatype, shape: [...result.dims], data: bytesOf(elements) };
  });
}

async function serve(session: InferenceSession): Promise<void> {
  parentPort?.on('message', async (request: OnnxRequest) => {
    if (request.type === 'close') {
      await session.release();
      parentPort?.close();
      return;
    }
    try {
      reply({ type: 'done', outputs: await run(session, request.inputs) });
    } catch (thrown) {
      fail(thrown);
    }
  });
  reply({ type: 'ready' });
}

await load().then(serve, fail);
