import { quoted } from '../base/quoted.ts';
import { SluiceError } from '../contract/errors.ts';
import type { NpuBinding } from '../contract/image.ts';
import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';
import { datatypeBytes, elementCount } from '../contract/tensor-data.ts';
import type { Tensor } from '../contract/tensors.ts';
import { RuntimeModel } from '../ort/runtime-model.ts';
import type { ModelFiles } from './model-parts.ts';
import type { CompiledNetwork } from './network/compile-network.ts';
import { datatypeOf } from './onnx/element-types.ts';
import type { OnnxValue } from './onnx/model.ts';
import { checkCancelled } from './quantise/observe.ts';
import { dequantiseAll, quantiseAll } from './quantise/quantisation.ts';
import type { Repeatable } from './quantise/samples.ts';
import { SimulatedNpu } from './simulated-npu.ts';
import { verificationInputs } from './verification-inputs.ts';

/** Multiply-accumulates that a proof may take, and the items that it has at least and at most. */
const workMax = 1.5e9;
const itemsMin = 2;
const itemsMax = 16;

/** What the parts are proven with. */
export interface ModelProof {
  compiled: CompiledNetwork;
  configuration: HardwareConfiguration;
  bindings: { inputs: readonly NpuBinding[]; outputs: readonly NpuBinding[] };
  /** The model's inputs with every dimension fixed. */
  inputs: readonly OnnxValue[];
  samples?: Repeatable<readonly Tensor[]>;
  signal?: AbortSignal;
}

/**
 * Runs the canonical model as a whole against head, program and tail, and compares each byte. Of several
 * variants the first is taken that also computes two items at once like each alone, when its batch is open.
 * Throws `verification_failed` naming the output. Blocks the thread: use it in a worker.
 */
export async function verifyModel(
  variants: readonly ModelFiles[],
  proof: ModelProof,
): Promise<{ files: ModelFiles; itemCount: number }> {
  const samples = await samplesOf(proof);
  const npu = await SimulatedNpu.load(proof.compiled, proof.configuration);
  try {
    for (const files of variants.slice(0, -1)) {
      const reason = await reasonAgainst(files, { samples, npu, proof });
      if (reason === undefined) return { files, itemCount: samples.length };
    }
    const files = variants.at(-1) as ModelFiles;
    const difference = await Parts.with(files, { npu, proof }, (parts) => parts.firstDifference(samples));
    if (difference !== undefined) throw new SluiceError('verification_failed', difference);
    return { files, itemCount: samples.length };
  } finally {
    await npu.close();
  }
}

type Sample = readonly Tensor[];

/** Why a variant will not do; a model that cannot run with two items at once says so by failing. */
async function reasonAgainst(
  files: ModelFiles,
  { samples, npu, proof }: { samples: readonly Sample[]; npu: SimulatedNpu; proof: ModelProof },
): Promise<string | undefined> {
  try {
    return await Parts.with(files, { npu, proof }, async (parts) => {
      return (await parts.firstDifference(samples)) ?? (await parts.batchDifference(samples));
    });
  } catch (thrown) {
    if (thrown instanceof SluiceError && ['engine_failed', 'model_invalid'].includes(thrown.code)) {
      return thrown.message;
    }
    throw thrown;
  }
}

/** Samples that were given, the first of them; random ones up to the least number. */
async function samplesOf({ compiled, samples, inputs }: ModelProof): Promise<Sample[]> {
  const work = compiled.layers.reduce((sum, layer) => sum + layer.multiplyAccumulates, 1);
  const count = Math.min(Math.max(Math.floor(workMax / work), itemsMin), itemsMax);
  const gathered: Sample[] = [];
  for await (const sample of samples ?? []) {
    gathered.push(sample);
    if (gathered.length === count) return gathered;
  }
  const sizes = inputs.map(({ shape = [] }) => elementCount(shape));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  for (const { values } of verificationInputs({ elementCount: total, count: count - gathered.length })) {
    let start = 0;
    gathered.push(
      inputs.map((input, index) => {
        const size = sizes[index] as number;
        start += size;
        return tensorOf(input, values.subarray(start - size, start));
      }),
    );
  }
  return gathered;
}

/** Bytes as bytes, numbers from -1 to 1 as floats, and 0 for what may be an index. */
function tensorOf({ name, elementType, shape = [] }: OnnxValue, values: Int8Array): Tensor {
  const datatype = datatypeOf(elementType ?? 0) ?? 'FP32';
  const common = { name, datatype, shape: [...shape] };
  if (datatype === 'FP32') {
    const floats = Float32Array.from(values, (value) => value / 128);
    return { ...common, data: new Uint8Array(floats.buffer) };
  }
  if (datatype === 'UINT8' || datatype === 'INT8') return { ...common, data: new Uint8Array(values) };
  return { ...common, data: new Uint8Array(values.length * datatypeBytes[datatype]) };
}

/** A compiled model's parts, loaded. */
class Parts {
  readonly #files: ModelFiles;
  readonly #npu: SimulatedNpu;
  readonly #proof: ModelProof;
  readonly #whole: RuntimeModel;
  readonly #head: RuntimeModel | undefined;
  readonly #tail: RuntimeModel | undefined;

  private constructor(
    files: ModelFiles,
    { npu, proof, loaded }: { npu: SimulatedNpu; proof: ModelProof; loaded: (RuntimeModel | undefined)[] },
  ) {
    this.#files = files;
    this.#npu = npu;
    this.#proof = proof;
    const [whole, head, tail] = loaded;
    this.#whole = whole as RuntimeModel;
    this.#head = head;
    this.#tail = tail;
  }

  /** Loads the parts for one piece of work. */
  static async with<Result>(
    files: ModelFiles,
    { npu, proof }: { npu: SimulatedNpu; proof: ModelProof },
    work: (parts: Parts) => Promise<Result>,
  ): Promise<Result> {
    const models = [files.canonicalModel, files.head?.model, files.tail?.model];
    const loaded: (RuntimeModel | undefined)[] = [];
    try {
      for (const model of models) {
        loaded.push(model && (await RuntimeModel.load(model, { fusesQuantisation: false })));
      }
      return await work(new Parts(files, { npu, proof, loaded }));
    } finally {
      for (const runtime of loaded) await runtime?.release();
    }
  }

  async firstDifference(samples: readonly Sample[]): Promise<string | undefined> {
    for (const [index, sample] of samples.entries()) {
      checkCancelled(this.#proof.signal);
      const expected = await this.#whole.run(sample);
      const actual = await this.#inParts(sample);
      for (const { name } of this.#files.signature.outputs) {
        if (isSame(expected.get(name), actual.get(name))) continue;
        return `canonical model: sample ${index}, output ${quoted(name)} is another than that of head, program and tail`;
      }
    }
    return undefined;
  }

  /** Whether two items at once give what each gives alone, in the whole and in head and tail. */
  async batchDifference(samples: readonly Sample[]): Promise<string | undefined> {
    const [first, second] = samples as [Sample, Sample];
    if (first === undefined || second === undefined) return 'there are no two samples';
    const alone = [await this.#inParts(first), await this.#inParts(second)] as const;
    const joined = new Map([...alone[0]].map(([name, tensor]) => [name, join(tensor, alone[1].get(name))]));
    for (const part of [this.#whole, this.#head, this.#tail]) {
      if (part === undefined) continue;
      const names = this.#inputNamesOf(part);
      const results = await part.run(names.map((name) => joined.get(name) as Tensor));
      for (const [name, tensor] of results) {
        if (!isSame(tensor, joined.get(name))) return `output ${quoted(name)} of two items differs`;
      }
    }
    return undefined;
  }

  #inputNamesOf(part: RuntimeModel): string[] {
    const { signature, head, tail } = this.#files;
    const own = part === this.#whole ? signature : part === this.#head ? head?.signature : tail?.signature;
    return own?.inputs.map(({ name }) => name) ?? [];
  }

  /** Every tensor between the parts. */
  async #inParts(sample: Sample): Promise<Map<string, Tensor>> {
    const tensors = new Map(sample.map((tensor) => [tensor.name, tensor]));
    const run = async (part: RuntimeModel | undefined): Promise<void> => {
      if (part === undefined) return;
      const feeds = this.#inputNamesOf(part).map((name) => tensors.get(name) as Tensor);
      for (const [name, tensor] of await part.run(feeds)) tensors.set(name, tensor);
    };
    await run(this.#head);
    const { bindings } = this.#proof;
    const integers = bindings.inputs.map((binding) =>
      quantiseAll(floatsOf(tensors.get(binding.tensor)), binding),
    );
    const outputs = await this.#npu.run(integers);
    for (const [index, binding] of bindings.outputs.entries()) {
      const floats = dequantiseAll(outputs[index] ?? new Int8Array(0), binding);
      const shape = this.#shapeOf(binding.tensor) ?? [1, binding.channels, binding.rows, binding.columns];
      const data = new Uint8Array(floats.buffer);
      tensors.set(binding.tensor, { name: binding.tensor, datatype: 'FP32', shape, data });
    }
    await run(this.#tail);
    return tensors;
  }

  /** Of one item. */
  #shapeOf(name: string): number[] | undefined {
    const { signature, tail } = this.#files;
    const known = [...(tail?.signature.inputs ?? []), ...signature.outputs].find(
      (each) => each.name === name,
    );
    return known?.shape.map((size) => Math.abs(size));
  }
}

function floatsOf(tensor: Tensor | undefined): Float32Array {
  if (tensor === undefined) throw new TypeError('the head gives every input of the program');
  return new Float32Array(new Uint8Array(tensor.data).buffer);
}

function isSame(first: Tensor | undefined, second: Tensor | undefined): boolean {
  if (first === undefined || second === undefined) return false;
  return `${first.shape}` === `${second.shape}` && Buffer.compare(first.data, second.data) === 0;
}

function join(first: Tensor, second: Tensor | undefined): Tensor {
  const [batch = 1, ...item] = first.shape;
  const data = new Uint8Array(Buffer.concat([first.data, second?.data ?? new Uint8Array(0)]));
  return { ...first, shape: [2 * batch, ...item], data };
}
