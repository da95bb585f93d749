import { setImmediate } from 'node:timers/promises';
import { SluiceError } from '../../contract/errors.ts';
import type { NpuRoute } from '../../contract/image.ts';
import { limits as contractLimits } from '../../contract/limits.ts';
import { elementCount } from '../../contract/tensor-data.ts';
import type { Tensor, TensorSignature } from '../../contract/tensors.ts';
import type { NpuProgram, NpuRunResult } from '../../native/npu.ts';
import { bytesOf, elementsOf } from '../tensors/element-arrays.ts';
import type { BatchLimits } from './batch-limits.ts';
import { type Batchable, type BatchMember, BatchQueue, type FinishedRun } from './batch-queue.ts';
import type { Engine, QueueLoad, Route } from './engine.ts';
import type { EngineObserver } from './engine-observer.ts';
import { concatenated } from './merge-tensors.ts';
import { type BoundTensor, bindTensor, checkDisjoint, invalid } from './npu-binding.ts';
import { packItem, unpackItem } from './pack.ts';
import type { RunTerms } from './run-terms.ts';
import { type BatchingTerms, settleBatching } from './settle-batching.ts';
import { WorkQueue } from './work-queue.ts';

/** Elements that are converted before the event loop turns: some milliseconds' worth. */
const elementsPerTurn = 1024 * 1024;

/** A run may take so many times what was measured before it counts as hung. */
const runTimeMargin = 4;

/** A program on a device, or one that follows its device when that is opened anew. */
export type RunnableProgram = Pick<NpuProgram, 'inputBytes' | 'outputBytes' | 'run' | 'unload'>;

/** What an NPU needs to answer. */
export interface NpuEngineOptions {
  /** Whose engine this is, for messages. */
  what: string;
  route: Exclude<Route, 'cpu'>;
  /** Loaded on the device; the engine unloads it. */
  program: RunnableProgram;
  /** Of the device: how its regions are laid out. */
  inputParallel: number;
  /** The tensors that the program reads, and those that it gives. */
  signature: TensorSignature;
  bindings: Pick<NpuRoute, 'inputs' | 'outputs'>;
  /** Time of one item on the hardware, of a simulated route. */
  estimate?: string;
  /** Milliseconds of an item on hardware, by its known cycles; undefined for a simulated route. */
  itemMs?: number;
  queueDepthMax: number;
  /** Of a request; a merged run has more. */
  timeoutMs: number;
  observer?: EngineObserver;
  nowMs: () => number;
}

/**
 * Runs an NPU program: float tensors are quantised into the blocked regions of their items, the program runs
 * item by item, its int8 outputs come back as floats.
 */
export class NpuEngine implements Engine {
  readonly route: Exclude<Route, 'cpu'>;
  readonly estimate?: string;
  readonly #options: NpuEngineOptions;
  readonly #inputs: BoundTensor[];
  readonly #outputs: BoundTensor[];
  readonly #queue: WorkQueue<RunnableProgram, BatchMember<Regions>>;
  readonly #batches: BatchQueue<RunnableProgram, Regions, NpuRunResult>;
  #open = true;

  /** Throws `manifest_invalid` when the bindings fit neither the signature nor the program. */
  constructor(options: NpuEngineOptions) {
    this.route = options.route;
    if (options.estimate !== undefined) this.estimate = options.estimate;
    this.#options = options;
    this.#inputs = bindInputs(options);
    this.#outputs = bindOutputs(options);
    this.#queue = new WorkQueue({
      what: options.what,
      depthMax: options.queueDepthMax,
      nowMs: options.nowMs,
      ...(options.itemMs === undefined ? {} : { itemMs: options.itemMs }),
    });
    this.#batches = new BatchQueue({
      queue: this.#queue,
      batchable: regionBatchable((program, regions) => this.#run(program, regions)),
      nowMs: options.nowMs,
      onRun: (run) => this.#tell(run),
    });
    this.#queue.addLane(options.program);
  }

  /**
   * Finds out whether requests are merged; without it they are not. The program computes each item by itself, so
   * that it is a question of time alone.
   */
  async start(terms: Pick<BatchingTerms, 'wanted' | 'limits' | 'log'>): Promise<void> {
    const run = (inputs: Tensor[]) => this.#infer(inputs, {}, { isTrial: true });
    const { inputBytes, outputBytes } = this.#options.program;
    this.#batches.limits = await settleBatching({
      ...this.#options,
      ...terms,
      itemsAreIndependent: true,
      itemsMax: Math.max(1, Math.floor(contractLimits.npuRunBytesMax / Math.max(inputBytes, outputBytes))),
      run,
    });
  }

  /** How requests are merged; undefined when they are not. */
  get batching(): BatchLimits | undefined {
    return this.#batches.limits;
  }

  get load(): QueueLoad {
    return this.#queue.load;
  }

  infer(inputs: Tensor[], terms?: RunTerms): Promise<Tensor[]> {
    return this.#infer(inputs, terms);
  }

  expectedMs(priority?: number, items?: number): number {
    return this.#queue.expectedMs(priority, items);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#queue.close(new SluiceError('engine_failed', `${this.#options.what}: closed`));
    this.#options.program.unload();
  }

  async #infer(inputs: Tensor[], terms?: RunTerms, options?: { isTrial: boolean }): Promise<Tensor[]> {
    const items = this.#itemCount(inputs);
    this.#checkBytes(items);
    this.#queue.checkRoom(terms);
    const region = await this.#pack(inputs, items);
    const { outputs } = await this.#batches.submit({ region, items, requests: 1 }, terms, options);
    return this.#unpack(outputs, items);
  }

  /**
   * Several requests get the time of one and what such a run is known to take besides, so that a device that hangs is
   * noticed as soon with many as with one.
   */
  #run(program: RunnableProgram, { region, items, requests }: Regions): Promise<NpuRunResult> {
    const { timeoutMs } = this.#options;
    const knownMs = this.#queue.runMs(items);
    const restMs = knownMs === 0 ? timeoutMs * (requests - 1) : Math.ceil(knownMs * runTimeMargin);
    return program.run(region, { timeoutMs: requests === 1 ? timeoutMs : timeoutMs + restMs });
  }

  #tell({ requests, items, computeMs, output }: FinishedRun<NpuRunResult>): void {
    const npuCycles = output.counters.executeCycles;
    this.#options.observer?.executed({
      ...{ route: this.route, requests, items, computeMs },
      ...(npuCycles === 0 ? {} : { npuCycles }),
    });
  }

  #itemCount(inputs: readonly Tensor[]): number {
    const counts = this.#inputs.map(({ description, itemElements }) => {
      const tensor = inputs.find(({ name }) => name === description.name);
      return tensor === undefined ? Number.NaN : elementCount(tensor.shape) / itemElements;
    });
    const items = counts[0] as number;
    const fits = [...this.#inputs, ...this.#outputs].every((bound) => (bound.items ?? items) === items);
    if (fits && Number.isInteger(items) && items > 0 && counts.every((count) => count === items))
      return items;
    throw new SluiceError(
      'tensor_shape',
      `${this.#options.what}: inputs of ${counts.join(', ')} items; every input needs the same number, at least 1`,
    );
  }

  /** Before memory is taken for what the device would refuse. */
  #checkBytes(items: number): void {
    const { inputBytes, outputBytes } = this.#options.program;
    const bytes = items * Math.max(inputBytes, outputBytes);
    if (bytes <= contractLimits.npuRunBytesMax) return;
    throw new SluiceError(
      'limit_exceeded',
      `${this.#options.what}: ${items} items need ${bytes} bytes on the NPU, at most ${contractLimits.npuRunBytesMax} allowed a run`,
    );
  }

  async #pack(inputs: readonly Tensor[], items: number): Promise<Uint8Array> {
    const { inputBytes } = this.#options.program;
    const region = new Int8Array(items * inputBytes);
    const turns = new Turns();
    for (const { description, itemElements, walk } of this.#inputs) {
      const tensor = inputs.find(({ name }) => name === description.name) as Tensor;
      const values = elementsOf(tensor) as Float32Array;
      for (let item = 0; item < items; item += 1) {
        if (turns.isOver(itemElements)) await setImmediate();
        packItem({ values, start: item * itemElements }, { region, start: item * inputBytes }, walk);
      }
    }
    return new Uint8Array(region.buffer);
  }

  async #unpack(outputs: Uint8Array, items: number): Promise<Tensor[]> {
    const { outputBytes } = this.#options.program;
    const region = new Int8Array(outputs.buffer, outputs.byteOffset, outputs.length);
    const tensors: Tensor[] = [];
    const turns = new Turns();
    for (const { description, itemElements, items: fixedItems, walk } of this.#outputs) {
      const values = new Float32Array(items * itemElements);
      for (let item = 0; item < items; item += 1) {
        if (turns.isOver(itemElements)) await setImmediate();
        unpackItem({ region, start: item * outputBytes }, { values, start: item * itemElements }, walk);
      }
      const [, ...rest] = description.shape;
      const shape = fixedItems === undefined ? [items, ...rest] : [...description.shape];
      tensors.push({ name: description.name, datatype: 'FP32', shape, data: bytesOf(values) });
    }
    return tensors;
  }
}

/** Input regions of the items of some requests. */
interface Regions {
  region: Uint8Array;
  items: number;
  requests: number;
}

/** Every region of a program has the same size, so all requests can be merged. */
function regionBatchable(
  run: (program: RunnableProgram, regions: Regions) => Promise<NpuRunResult>,
): Batchable<RunnableProgram, Regions, NpuRunResult> {
  return {
    keyOf: () => '',
    itemsOf: ({ items }) => items,
    bytesOf: ({ region }) => region.length,
    merge: (all) => ({
      region: concatenated(all.map(({ region }) => region)),
      items: all.reduce((sum, { items }) => sum + items, 0),
      requests: all.reduce((sum, { requests }) => sum + requests, 0),
    }),
    run,
    split: ({ outputs, counters }, items) => {
      const itemBytes = outputs.length / items.reduce((sum, count) => sum + count, 0);
      let end = 0;
      return items.map((count) => {
        const start = end;
        end += count * itemBytes;
        return { outputs: outputs.subarray(start, end), counters };
      });
    },
  };
}

/** Counts what was converted since the event loop last turned. */
class Turns {
  #elements = 0;

  /** Counts an item in; whether the event loop should turn before it is converted. */
  isOver(itemElements: number): boolean {
    const isOver = this.#elements > 0 && this.#elements + itemElements > elementsPerTurn;
    this.#elements = isOver ? itemElements : this.#elements + itemElements;
    return isOver;
  }
}

/** One tensor may stand in several places of the input region. */
function bindInputs({ program, inputParallel, signature, bindings }: NpuEngineOptions): BoundTensor[] {
  const bound = bindings.inputs.map((binding) => {
    const description = signature.inputs.find(({ name }) => name === binding.tensor);
    if (description === undefined)
      throw invalid(`NPU input ${binding.tensor} is no tensor that it could read`);
    return bindTensor(description, binding, { inputParallel, regionBytes: program.inputBytes });
  });
  checkDisjoint(bound);
  return bound;
}

function bindOutputs({ program, inputParallel, signature, bindings }: NpuEngineOptions): BoundTensor[] {
  return signature.outputs.map((description) => {
    const [binding, ...others] = bindings.outputs.filter(({ tensor }) => tensor === description.name);
    if (binding === undefined) throw invalid(`tensor ${description.name} has no NPU binding`);
    if (others.length > 0) throw invalid(`tensor ${description.name} has ${others.length + 1} NPU bindings`);
    return bindTensor(description, binding, { inputParallel, regionBytes: program.outputBytes });
  });
}
