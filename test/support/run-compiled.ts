import type { CompiledModel } from '../../compiler/compile.ts';
import { packFeatureMap, unpackFeatureMap } from '../../compiler/network/layout.ts';
import { dequantiseAll, quantiseAll } from '../../compiler/quantise/quantisation.ts';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { NpuDevice } from '../../native/npu.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';

/** Runs a compiled model as a device does: head on ONNX Runtime, program on the simulator, tail. */
export async function runCompiled(
  compiled: CompiledModel,
  options: { configuration: string; samples: readonly (readonly Tensor[])[] },
): Promise<Map<string, Tensor>[]> {
  const { configuration, samples } = options;
  const width = hardwareConfigurations[configuration]?.inputParallel ?? 0;
  const device = NpuDevice.open({ kind: 'simulator', configuration });
  const program = await device.load(compiled.program);
  const results: Map<string, Tensor>[] = [];
  try {
    for (const sample of samples) {
      const tensors = new Map(sample.map((tensor) => [tensor.name, tensor]));
      await runPart(compiled.head, tensors);
      const item = new Uint8Array(program.inputBytes);
      for (const binding of compiled.inputs) {
        const floats = new Float32Array(new Uint8Array(tensors.get(binding.tensor)?.data ?? []).buffer);
        const packed = packFeatureMap(quantiseAll(floats, binding), binding, width);
        item.set(new Uint8Array(packed.buffer), binding.offsetBytes);
      }
      const { outputs } = await program.run(item);
      for (const binding of compiled.outputs) {
        const bytes = new Int8Array(outputs.slice(binding.offsetBytes).buffer);
        const data = new Uint8Array(dequantiseAll(unpackFeatureMap(bytes, binding, width), binding).buffer);
        const known = [...(compiled.tail?.signature.inputs ?? []), ...compiled.signature.outputs];
        const shape = known.find(({ name }) => name === binding.tensor)?.shape.map(Math.abs) ?? [];
        tensors.set(binding.tensor, { name: binding.tensor, datatype: 'FP32', shape, data });
      }
      await runPart(compiled.tail, tensors);
      results.push(tensors);
    }
  } finally {
    await device.close();
  }
  return results;
}

/** Runs a canonical model on one sample. */
export async function runCanonical(
  { canonicalModel }: CompiledModel,
  sample: readonly Tensor[],
): Promise<Map<string, Tensor>> {
  const runtime = await RuntimeModel.load(canonicalModel, { fusesQuantisation: false });
  try {
    return await runtime.run(sample);
  } finally {
    await runtime.release();
  }
}

/** Index of the largest number of a tensor of floats. */
export function topOf(tensor: Tensor | undefined): number {
  const values = [...new Float32Array(new Uint8Array(tensor?.data ?? []).buffer)];
  return values.indexOf(Math.max(...values));
}

async function runPart(part: CompiledModel['head'], tensors: Map<string, Tensor>): Promise<void> {
  if (part === undefined) return;
  const runtime = await RuntimeModel.load(part.model, { fusesQuantisation: false });
  try {
    const feeds = part.signature.inputs.map(({ name }) => tensors.get(name) as Tensor);
    for (const [name, tensor] of await runtime.run(feeds)) tensors.set(name, tensor);
  } finally {
    await runtime.release();
  }
}
