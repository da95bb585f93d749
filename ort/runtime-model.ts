import { setImmediate } from 'node:timers/promises';
import type { Tensor } from '../contract/tensors.ts';
import { onnxRuntime } from './library.ts';
import type { AddonOutput, LoadedSession } from './onnx-addon.ts';
import type { RuntimeLane } from './runtime-lane.ts';

/** How a model is loaded. */
export interface RuntimeOptions {
  /**
   * Without it DequantizeLinear - Add - QuantizeLinear stays as it is: fused to QLinearAdd it has other bits, and
   * not the same on every CPU.
   */
  fusesQuantisation?: boolean;
}

/** What a run on a lane gave. */
export interface LaneRun {
  /** In the order of the names. */
  outputs: Tensor[];
  /** Milliseconds in ONNX Runtime. */
  computeMs: number;
}

/** A model loaded by ONNX Runtime, with one computing thread, the one that calls. Any number may run it at once. */
export class RuntimeModel {
  readonly #loaded: LoadedSession;

  private constructor(loaded: LoadedSession) {
    this.#loaded = loaded;
  }

  /** Loads a model, which blocks the calling thread. Throws `model_invalid` with ONNX Runtime's reason. */
  static async load(
    model: Uint8Array,
    { fusesQuantisation = true }: RuntimeOptions = {},
  ): Promise<RuntimeModel> {
    const { addon, libraryPath } = onnxRuntime();
    return new RuntimeModel(addon.loadSession(libraryPath, model, fusesQuantisation));
  }

  /** The same in a lane; the bytes must not change meanwhile. */
  static loadOn(
    lane: RuntimeLane,
    model: Uint8Array,
    { fusesQuantisation = true }: RuntimeOptions = {},
  ): Promise<RuntimeModel> {
    const { addon, libraryPath } = onnxRuntime();
    return new Promise((resolve, reject) => {
      addon.loadSessionOn(lane.handle, libraryPath, model, fusesQuantisation, (error, loaded) => {
        if (error === null) resolve(new RuntimeModel(loaded));
        else reject(error);
      });
    });
  }

  /** Names of the graph's inputs. */
  get inputNames(): readonly string[] {
    return this.#loaded.inputNames;
  }

  /** Names of the graph's outputs. */
  get outputNames(): readonly string[] {
    return this.#loaded.outputNames;
  }

  /**
   * Runs the model once, after a turn of the event loop, in the calling thread, which it blocks; gives the named
   * outputs, or all. Throws `engine_failed` with ONNX Runtime's reason, `tensor_data` for an input whose bytes are
   * not those of its shape, `model_unsupported` for an output that cannot be served.
   */
  async run(inputs: readonly Tensor[], outputNames = this.outputNames): Promise<Map<string, Tensor>> {
    await setImmediate();
    return new Map(this.runNow(inputs, outputNames).map((output) => [output.name, output]));
  }

  /** The same at once, as a list in the order of the names. */
  runNow(inputs: readonly Tensor[], outputNames: readonly string[]): Tensor[] {
    const outputs = onnxRuntime().addon.run(this.#loaded.session, inputs, outputNames);
    return outputs.map((output, index) => named(output, outputNames[index] as string));
  }

  /**
   * The same in a lane, which reads the inputs' own memory: it must neither change nor be detached meanwhile. An
   * output that has exactly the length of its target becomes that.
   */
  runOn(
    lane: RuntimeLane,
    inputs: readonly Tensor[],
    {
      outputNames,
      targets = [],
    }: { outputNames: readonly string[]; targets?: readonly (Uint8Array | undefined)[] },
  ): Promise<LaneRun> {
    const { addon } = onnxRuntime();
    return new Promise((resolve, reject) => {
      addon.runOn(
        lane.handle,
        this.#loaded.session,
        inputs,
        outputNames,
        targets,
        (error, outputs, computeMs) => {
          if (error !== null) reject(error);
          else {
            const all = outputs.map((output, index) => named(output, outputNames[index] as string));
            resolve({ outputs: all, computeMs });
          }
        },
      );
    });
  }

  /** Frees the session, once the runs that go on are over. */
  release(): Promise<void> {
    return new Promise((resolve) => {
      onnxRuntime().addon.releaseSession(this.#loaded.session, resolve);
    });
  }
}

function named({ datatype, shape, data }: AddonOutput, name: string): Tensor {
  return { name, datatype, shape, data };
}
