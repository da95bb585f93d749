import { SluiceError } from '../../contract/errors.ts';
import type { NpuBinding, RunManifest } from '../../contract/image.ts';
import {
  elementCount,
  type Tensor,
  type TensorDescription,
  type TensorSignature,
} from '../../contract/tensors.ts';
import type { NpuProgram } from '../../native/npu.ts';
import { bytesOf, elementsOf } from '../tensors/element-arrays.ts';
import type { Engine, Route } from './engine.ts';
import { dequantise, quantise } from './quantise.ts';
import { WorkQueue } from './work-queue.ts';

type NpuRoute = NonNullable<RunManifest['routes']['npu']>;

/** One tensor of the signature and where it stands in an item's region. */
interface BoundTensor {
  description: TensorDescription;
  binding: NpuBinding;
}

/** What the NPU route of an image needs. */
export interface NpuEngineOptions {
  /** Whose engine this is, for messages. */
  what: string;
  route: Exclude<Route, 'cpu'>;
  /** Loaded on the device; the engine unloads it. */
  program: NpuProgram;
  signature: TensorSignature;
  npu: NpuRoute;
  /** Time of one item on the hardware, of a simulated route. */
  estimate?: string;
  queueDepthMax: number;
  timeoutMs: number;
  nowMs: () => number;
}

/**
 * The NPU route: float tensors are quantised, the program runs item by item, its int8 outputs are dequantised.
 * The first dimension of every tensor counts the items.
 */
export class NpuEngine implements Engine {
  readonly route: Exclude<Route, 'cpu'>;
  readonly estimate?: string;
  readonly #options: NpuEngineOptions;
  readonly #inputs: BoundTensor[];
  readonly #outputs: BoundTensor[];
  readonly #queue: WorkQueue<NpuProgram>;
  #open = true;

  /** Throws `manifest_invalid` when the bindings fit neither the signature nor the program. */
  constructor(options: NpuEngineOptions) {
    const { program, signature, npu } = options;
    this.route = options.route;
    if (options.estimate !== undefined) this.estimate = options.estimate;
    this.#options = options;
    this.#inputs = bind(signature.inputs, npu.inputs, program.inputBytes);
    this.#outputs = bind(signature.outputs, npu.outputs, program.outputBytes);
    this.#queue = new WorkQueue({
      what: options.what,
      depthMax: options.queueDepthMax,
      nowMs: options.nowMs,
    });
    this.#queue.addLane(program);
  }

  async infer(inputs: Tensor[], signal?: AbortSignal): Promise<Tensor[]> {
    const quantised = await this.inferQuantised(inputs, signal);
    return this.#outputs.map(({ binding }, index) => {
      const { name, shape, data } = quantised[index] as Tensor;
      const values = new Float32Array(data.length);
      dequantise(new Int8Array(data.buffer, data.byteOffset, data.length), values, binding);
      return { name, datatype: 'FP32', shape, data: bytesOf(values) };
    });
  }

  /** The int8 outputs before they are dequantised, as INT8 tensors: the bytes that every route agrees on. */
  async inferQuantised(inputs: Tensor[], signal?: AbortSignal): Promise<Tensor[]> {
    const items = this.#itemCount(inputs);
    const region = this.#pack(inputs, items);
    const { timeoutMs } = this.#options;
    const { outputs } = await this.#queue.submit((program) => program.run(region, { timeoutMs }), signal);
    return this.#outputs.map((bound) => this.#unpack(outputs, bound, items));
  }

  expectedMs(): number {
    return this.#queue.expectedMs();
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#queue.close(new SluiceError('engine_failed', `${this.#options.what}: closed`));
    this.#options.program.unload();
  }

  #itemCount(inputs: readonly Tensor[]): number {
    const counts = this.#inputs.map(({ description, binding }) => {
      const tensor = inputs.find(({ name }) => name === description.name);
      return tensor === undefined ? Number.NaN : elementCount(tensor.shape) / binding.elementCount;
    });
    const items = counts[0] as number;
    if (Number.isInteger(items) && items > 0 && counts.every((count) => count === items)) return items;
    throw new SluiceError(
      'tensor_shape',
      `${this.#options.what}: inputs of ${counts.join(', ')} items; every input needs the same number, at least 1`,
    );
  }

  #pack(inputs: readonly Tensor[], items: number): Uint8Array {
    const { inputBytes } = this.#options.program;
    const region = new Uint8Array(items * inputBytes);
    for (const { description, binding } of this.#inputs) {
      const tensor = inputs.find(({ name }) => name === description.name) as Tensor;
      const values = elementsOf(tensor) as Float32Array;
      const count = binding.elementCount;
      for (let item = 0; item < items; item += 1) {
        const into = new Int8Array(region.buffer, item * inputBytes + binding.offsetBytes, count);
        quantise(values.subarray(item * count, (item + 1) * count), into, binding);
      }
    }
    return region;
  }

  #unpack(region: Uint8Array, { description, binding }: BoundTensor, items: number): Tensor {
    const { outputBytes } = this.#options.program;
    const data = new Uint8Array(items * binding.elementCount);
    for (let item = 0; item < items; item += 1) {
      const start = item * outputBytes + binding.offsetBytes;
      data.set(region.subarray(start, start + binding.elementCount), item * binding.elementCount);
    }
    const shape = description.shape.map((dimension, axis) => (axis === 0 ? items : dimension));
    return { name: description.name, datatype: 'INT8', shape, data };
  }
}

function bind(
  descriptions: readonly TensorDescription[],
  bindings: readonly NpuBinding[],
  regionBytes: number,
): BoundTensor[] {
  return descriptions.map((description) => {
    const binding = bindings.find(({ tensor }) => tensor === description.name);
    if (binding === undefined) throw invalid(`tensor ${description.name} has no NPU binding`);
    if (description.datatype !== 'FP32') {
      throw invalid(`tensor ${description.name} is ${description.datatype}; the NPU route takes FP32`);
    }
    const [, ...item] = description.shape;
    if (item.includes(-1) || elementCount(item) !== binding.elementCount) {
      throw invalid(
        `tensor ${description.name} of shape [${description.shape}] is bound to ${binding.elementCount} elements an item`,
      );
    }
    if (binding.offsetBytes + binding.elementCount > regionBytes) {
      throw invalid(
        `tensor ${description.name} does not fit into the program's region of ${regionBytes} bytes`,
      );
    }
    return { description, binding };
  });
}

function invalid(reason: string): SluiceError {
  return new SluiceError('manifest_invalid', `run manifest: ${reason}`);
}
