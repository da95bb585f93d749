import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { NpuEngine } from '../../agent/engines/npu-engine.ts';
import { OnnxEngine } from '../../agent/engines/onnx-engine.ts';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import { digestOf } from '../../base/digest.ts';
import { compileModel } from '../../compiler/compile.ts';
import { readModelSignature } from '../../compiler/signature.ts';
import type { NpuBinding } from '../../contract/image.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { NpuDevice } from '../../native/npu.ts';
import { allFashionSet, fashionSet, floatInput, type GoldenSet } from '../support/golden-sets.ts';
import { temporaryFolder } from '../support/paths.ts';
import { silentLogger } from '../support/workspace-fixture.ts';

const batch = 500;
const everything = allFashionSet();
if (everything === undefined) {
  process.stderr.write(
    'SKIPPED: 10,000 images on both routes; install the Debian package dataset-fashion-mnist\n',
  );
}

it.each(Object.keys(hardwareConfigurations))(
  'the NPU (%s) and ONNX Runtime give the reference bytes for 1,000 images',
  (configuration) => compareRoutes(fashionSet(), configuration),
);

it.skipIf(everything === undefined)(
  'the same for all 10,000 images',
  async () => {
    await compareRoutes(everything as GoldenSet, 'kv260-m');
  },
  120_000,
);

/** Every image on both engines of the agent: floats against the integer logits, bytes against each other. */
async function compareRoutes(set: GoldenSet, configuration: string): Promise<void> {
  const { cpu, npu, output } = await engines(set, configuration);
  let compared = 0;
  for (let first = 0; first < set.imageCount; first += batch) {
    const inputs = [batchOf(set, first)];
    const [fromNpu] = await npu.infer(inputs);
    const expected = Float32Array.from(
      set.logits.subarray(first * 10, (first + batch) * 10),
      (logit) => (logit - output.zeroPoint) * output.scale,
    );
    expect(new Float32Array(fromNpu?.data.slice().buffer ?? new ArrayBuffer(0))).toEqual(expected);
    const [fromCpu] = await cpu.infer(inputs);
    expect(fromCpu?.shape).toEqual([batch, 10]);
    expect(Buffer.from(fromNpu?.data ?? []).equals(fromCpu?.data ?? Buffer.of(0))).toBe(true);
    compared += expected.length;
  }
  expect(compared).toBe(set.imageCount * 10);
}

function batchOf(set: GoldenSet, first: number): Tensor {
  const values = new Float32Array(batch * set.pixelCount);
  for (let item = 0; item < batch; item += 1) {
    values.set(floatInput(set, first + item), item * set.pixelCount);
  }
  return {
    name: 'input',
    datatype: 'FP32',
    shape: [batch, set.pixelCount],
    data: new Uint8Array(values.buffer),
  };
}

async function engines(set: GoldenSet, configuration: string) {
  const path = join(temporaryFolder(), 'model.onnx');
  await writeFile(path, set.model);
  const signature = readModelSignature(set.model);
  const common = { what: 'fashion', signature, queueDepthMax: 4, nowMs: () => performance.now() };
  const cpu = new OnnxEngine({
    ...common,
    model: { path, digest: digestOf(set.model) },
    keepsQuantisation: false,
    sessions: 1,
    limits: scoringLimits,
    log: silentLogger,
  });
  await cpu.start();
  const device = NpuDevice.open({ kind: 'simulator', configuration });
  const { program, inputs, outputs } = await compileModel(set.model, { configuration });
  const npu = new NpuEngine({
    ...common,
    route: 'fpga-sim',
    program: await device.load(program),
    inputParallel: device.hardware.inputParallel,
    bindings: { inputs, outputs },
    timeoutMs: 30_000,
  });
  onTestFinished(async () => {
    await npu.close();
    await device.close();
    await cpu.close();
  });
  return { cpu, npu, output: outputs[0] as NpuBinding };
}
