import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { SluiceError, toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';
import type { OnnxReply, OnnxRequest, OnnxWorkerData } from './onnx-protocol.ts';
import { transferListOf } from './transfer.ts';

// The thread of one ONNX Runtime session. Loading and running block the thread that calls them, hence this one.

const { path, digest, signature, keepsQuantisation, transferBytesMin } = workerData as OnnxWorkerData;
const outputNames = signature.outputs.map(({ name }) => name);

function reply(message: OnnxReply): void {
  const transfer = message.type === 'done' ? transferListOf(message.outputs, transferBytesMin) : [];
  parentPort?.postMessage(message, transfer);
}

function fail(thrown: unknown): void {
  reply({ type: 'failed', error: toSluiceError(thrown, 'engine_failed').toJSON() });
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

async function load(): Promise<RuntimeModel> {
  const bytes = readModel();
  let model: RuntimeModel;
  try {
    model = await RuntimeModel.load(bytes, { fusesQuantisation: !keepsQuantisation });
  } catch (thrown) {
    // Its bytes are those that the workspace registered, so it is the engine of this device that fails.
    throw new SluiceError('engine_failed', toSluiceError(thrown).message, { cause: thrown });
  }
  checkNames('input', model.inputNames, signature.inputs);
  checkNames('output', model.outputNames, signature.outputs);
  return model;
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

async function run(model: RuntimeModel, inputs: readonly Tensor[]): Promise<Tensor[]> {
  const results = await model.run(inputs, outputNames);
  return signature.outputs.map(({ name, datatype }) => {
    const result = results.get(name);
    if (result?.datatype === datatype) return result;
    throw new SluiceError('engine_failed', `output ${name} is ${result?.datatype}, ${datatype} expected`);
  });
}

async function serve(model: RuntimeModel): Promise<void> {
  parentPort?.on('message', async (request: OnnxRequest) => {
    if (request.type === 'close') {
      await model.release();
      parentPort?.close();
      return;
    }
    try {
      reply({ type: 'done', outputs: await run(model, request.inputs) });
    } catch (thrown) {
      fail(thrown);
    }
  });
  reply({ type: 'ready' });
}

await load().then(serve, fail);
