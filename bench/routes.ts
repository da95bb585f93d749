import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { NpuEngine } from '../agent/engines/npu-engine.ts';
import { OnnxEngine } from '../agent/engines/onnx-engine.ts';
import { scoringLimits } from '../agent/scoring-limits.ts';
import { digestOf } from '../base/digest.ts';
import { createLogger } from '../base/logger.ts';
import { compileModel } from '../compiler/compile.ts';
import { readModelSignature } from '../compiler/signature.ts';
import type { Tensor } from '../contract/tensors.ts';
import { NpuDevice } from '../native/npu.ts';
import { compare, type Measurement } from './measure.ts';

const path = fileURLToPath(new URL('../../samples/fashion/model.onnx', import.meta.url));
const configuration = 'kv260-m';

/** One request of the sample model on each route, against ONNX Runtime called directly on the event loop. */
export async function benchRoutes(): Promise<Record<string, Measurement[]>> {
  const model = await readFile(path);
  const signature = readModelSignature(model);
  const common = { what: 'bench', signature, queueDepthMax: 4, nowMs: () => performance.now() };
  const cpu = new OnnxEngine({
    ...common,
    model: { path, digest: digestOf(model) },
    keepsQuantisation: false,
    sessions: 1,
    limits: scoringLimits,
    log: createLogger({ name: 'bench', level: 'silent' }),
  });
  const device = NpuDevice.open({ kind: 'simulator', configuration });
  const { program, inputs, outputs } = await compileModel(model, { configuration });
  const npu = new NpuEngine({
    ...common,
    route: 'fpga-sim',
    program: await device.load(program),
    inputParallel: device.hardware.inputParallel,
    bindings: { inputs, outputs },
    timeoutMs: 10_000,
  });
  const direct = await InferenceSession.create(path, {
    intraOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  await cpu.start();
  try {
    return { 'one 784-value request of the sample': await measure({ direct, cpu, npu }) };
  } finally {
    await npu.close();
    await device.close();
    await cpu.close();
    await direct.release();
  }
}

async function measure(engines: { direct: InferenceSession; cpu: OnnxEngine; npu: NpuEngine }) {
  const values = Float32Array.from({ length: 784 }, (_, index) => (index % 256) / 255);
  const tensor = (): Tensor => ({
    name: 'input',
    datatype: 'FP32',
    shape: [1, 784],
    data: new Uint8Array(values.slice().buffer),
  });
  return compare(
    [
      {
        name: 'ONNX Runtime on the event loop (blocks it)',
        run: async () =>
          void (await engines.direct.run({ input: new OrtTensor('float32', values, [1, 784]) })),
      },
      { name: 'cpu route (worker thread)', run: async () => void (await engines.cpu.infer([tensor()])) },
      {
        name: 'fpga-sim route (functional simulation; no statement about hardware)',
        run: async () => void (await engines.npu.infer([tensor()])),
      },
    ],
    { rounds: 15, callsPerRound: 100 },
  );
}
