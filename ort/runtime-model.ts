import './disable-telemetry.ts';
import { env, InferenceSession, type Tensor as RuntimeTensor } from 'onnxruntime-node';
import { SluiceError } from '../contract/errors.ts';
import type { Tensor } from '../contract/tensors.ts';
import { fromRuntimeTensor, toRuntimeTensor } from './tensors.ts';

const reasonCharsMax = 400;

/**
 * A model loaded by ONNX Runtime, with one thread and no spinning. Loading and running block the calling
 * thread: use it in a worker thread.
 */
export class RuntimeModel {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /**
   * Throws `model_invalid` with ONNX Runtime's reason. Without `fusesQuantisation`, DequantizeLinear -
   * Add - QuantizeLinear stays as it is: fused to QLinearAdd it has other bits, and not the same on every CPU.
   */
  static async load(
    model: Uint8Array,
    { fusesQuantisation = true }: { fusesQuantisation?: boolean } = {},
  ): Promise<RuntimeModel> {
    // What goes wrong is thrown as well; without this it is also printed on the process's standard error.
    env.logLevel = 'fatal';
    try {
      const session = await InferenceSession.create(model, {
        executionProviders: ['cpu'],
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        // Spinning burns a core between runs for a gain that one thread cannot have.
        extra: {
          session: {
            intra_op: { allow_spinning: '0' },
            inter_op: { allow_spinning: '0' },
            disable_quant_qdq: fusesQuantisation ? '0' : '1',
          },
        },
      });
      return new RuntimeModel(session);
    } catch (thrown) {
      throw runtimeError('model_invalid', 'cannot load the model', thrown);
    }
  }

  /** Names of the graph's inputs. */
  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  /** Names of the graph's outputs. */
  get outputNames(): readonly string[] {
    return this.#session.outputNames;
  }

  /**
   * Runs the model once; gives the named outputs, or all. Throws `engine_failed` with ONNX Runtime's reason,
   * `tensor_data` for an input that it cannot hold.
   */
  async run(inputs: readonly Tensor[], outputNames?: readonly string[]): Promise<Map<string, Tensor>> {
    const feeds: Record<string, RuntimeTensor> = {};
    for (const input of inputs) feeds[input.name] = toRuntimeTensor(input);
    let results: InferenceSession.ReturnType;
    try {
      const { outputNames: all } = this.#session;
      results = await this.#session.run(feeds, [...(outputNames ?? all)]);
    } catch (thrown) {
      throw runtimeError('engine_failed', 'the model does not run on this input', thrown);
    }
    return new Map(Object.entries(results).map(([name, value]) => [name, fromRuntimeTensor(name, value)]));
  }

  /** Frees the session. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}

function runtimeError(code: 'model_invalid' | 'engine_failed', what: string, thrown: unknown): SluiceError {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const reason = text.replace(/\s+/g, ' ').trim().slice(0, reasonCharsMax);
  return new SluiceError(code, `ONNX Runtime: ${what} (${reason})`, { cause: thrown });
}
