import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { toSluiceError } from '../../contract/errors.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { OnnxMeasurement, OnnxReply, OnnxRequest, OnnxWorkerData } from './onnx-protocol.ts';
import { ServedModel } from './served-model.ts';
import { transferListOf } from './transfer.ts';

// The thread of one ONNX Runtime session. Loading and running block the thread that calls them, hence this one.

const data = workerData as OnnxWorkerData;

function reply(message: OnnxReply): void {
  const transfer = message.type === 'done' ? transferListOf(message.outputs, data.transferBytesMin) : [];
  parentPort?.postMessage(message, transfer);
}

function fail(thrown: unknown): void {
  reply({ type: 'failed', error: toSluiceError(thrown, 'engine_failed').toJSON() });
}

function load(): Promise<ServedModel> {
  return ServedModel.load(data, readFileSync(data.path));
}

async function measure(model: ServedModel, inputs: Tensor[], runs: number): Promise<OnnxMeasurement> {
  const bytes = readFileSync(data.path);
  let startedMs = performance.now();
  const again = await ServedModel.load(data, bytes);
  const loadMs = performance.now() - startedMs;
  await again.release();
  const runMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    startedMs = performance.now();
    await model.run(inputs);
    runMs.push(performance.now() - startedMs);
  }
  return { loadMs, runMs };
}

async function answer(
  model: ServedModel,
  request: Exclude<OnnxRequest, { type: 'close' }>,
): Promise<OnnxReply> {
  if (request.type === 'run') return { type: 'done', outputs: await model.run(request.inputs) };
  return { type: 'measured', measurement: await measure(model, request.inputs, request.runs) };
}

async function serve(model: ServedModel): Promise<void> {
  parentPort?.on('message', async (request: OnnxRequest) => {
    if (request.type === 'close') {
      await model.release();
      parentPort?.close();
      return;
    }
    try {
      reply(await answer(model, request));
    } catch (thrown) {
      fail(thrown);
    }
  });
  reply({ type: 'ready' });
}

await load().then(serve, fail);
