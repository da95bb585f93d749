import { type ImportedModel, type ImportOptions, importModel } from '../../compiler/import/import-model.ts';
import { type Partition, type PartitionOptions, partition } from '../../compiler/import/partition.ts';
import { floatModelOf, floatOutputOf } from '../../compiler/import/to-onnx.ts';
import { datatypeOf } from '../../compiler/onnx/element-types.ts';
import type { OnnxModel, OnnxValue } from '../../compiler/onnx/model.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { elementCount } from '../../contract/tensor-data.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';
import { seededRandom } from './random.ts';

/** How a model and its rebuilt form compare on random inputs. */
export interface Comparison {
  imported: ImportedModel;
  partition: Partition;
  /** Largest difference of any output, and that divided by the largest number of the output. */
  differenceMax: number;
  relativeMax: number;
  /** Part of all output elements that differ by more than 1e-4 of the largest. */
  differing: number;
}

/**
 * Imports a model, runs head, the operations as a float model, and tail one after the other in ONNX
 * Runtime, and compares with the model itself on uniform random inputs from -1 to 1.
 */
export async function compareRebuilt(
  model: Uint8Array,
  options: ImportOptions & PartitionOptions & { seed?: number; runs?: number } = {},
): Promise<Comparison> {
  const { seed = 1, runs = 3 } = options;
  const imported = await importModel(model, options);
  const parts = partition(imported, options);
  const random = seededRandom(seed);
  const comparison = { imported, partition: parts, differenceMax: 0, relativeMax: 0, differing: 0 };
  let count = 0;
  let differing = 0;
  for (let run = 0; run < runs; run += 1) {
    const inputs = imported.model.graph.inputs.map((value) => randomTensor(value, random));
    const expected = await runModel(model, inputs);
    const actual = await runParts(parts, { inputs, runtimeOf: runOnnx });
    for (const [name, reference] of expected) {
      const first = numbersOf(reference);
      const second = numbersOf(actual.get(name) ?? reference);
      if (!actual.has(name)) throw new Error(`no output ${name}`);
      if (first.length !== second.length) throw new Error(`output ${name} has ${second.length} elements`);
      const largest = first.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
      for (const [index, value] of first.entries()) {
        const difference = Math.abs(value - (second[index] ?? Number.NaN));
        comparison.differenceMax = Math.max(comparison.differenceMax, difference);
        comparison.relativeMax = Math.max(comparison.relativeMax, difference / largest);
        if (!(difference <= 1e-4 * largest)) differing += 1;
      }
      count += first.length;
    }
  }
  return { ...comparison, differing: differing / count };
}

/** Part of a model's multiply-accumulates that its NPU region does. */
export function npuShare({ multiplyAccumulates: { npu, total } }: Partition): number {
  return npu / total;
}

async function runParts(
  parts: Partition,
  { inputs, runtimeOf }: { inputs: readonly Tensor[]; runtimeOf: typeof runOnnx },
): Promise<Map<string, Tensor>> {
  const tensors = new Map(inputs.map((tensor) => [tensor.name, tensor]));
  if (parts.head !== undefined) await runtimeOf(parts.head, tensors);
  for (const region of parts.regions) {
    const maps = region.inputs.map(({ map }) => map);
    const model = floatModelOf({
      name: 'region',
      operations: region.operations,
      inputs: maps,
      outputs: region.outputs.map(({ map }) => map),
    });
    const given = region.inputs.map(({ map, tensor }) => {
      const shape = [1, map.channels, map.rows, map.columns];
      return { ...known(tensors, tensor), name: map.name, shape };
    });
    const results = await runModel(model, given);
    for (const { map, tensor, shape } of region.outputs) {
      tensors.set(tensor, { ...known(results, floatOutputOf(map)), name: tensor, shape: [...shape] });
    }
  }
  if (parts.tail !== undefined) await runtimeOf(parts.tail, tensors);
  return tensors;
}

async function runOnnx(model: OnnxModel, tensors: Map<string, Tensor>): Promise<void> {
  const inputs = model.graph.inputs.map(({ name }) => known(tensors, name));
  for (const [name, tensor] of await runModel(writeModel(model), inputs)) tensors.set(name, tensor);
}

async function runModel(model: Uint8Array, inputs: readonly Tensor[]): Promise<Map<string, Tensor>> {
  const runtime = await RuntimeModel.load(model, { fusesQuantisation: false });
  try {
    return await runtime.run(inputs);
  } finally {
    await runtime.release();
  }
}

function known(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  return tensor;
}

function randomTensor({ name, elementType, shape = [] }: OnnxValue, random: () => number): Tensor {
  const datatype = datatypeOf(elementType ?? 0);
  const count = elementCount(shape);
  if (datatype === 'UINT8') {
    return {
      name,
      datatype,
      shape: [...shape],
      data: Uint8Array.from({ length: count }, () => random() >>> 24),
    };
  }
  const values = Float32Array.from({ length: count }, () => random() / 2 ** 31 - 1);
  return { name, datatype: 'FP32', shape: [...shape], data: new Uint8Array(values.buffer) };
}

function numbersOf({ datatype, data }: Tensor): number[] {
  const { buffer } = new Uint8Array(data);
  if (datatype === 'INT64') return Array.from(new BigInt64Array(buffer), Number);
  return Array.from(datatype === 'FP32' ? new Float32Array(buffer) : new Uint8Array(buffer));
}
