import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { SluiceError } from '../contract/errors.ts';
import { type Datatype, datatypeBytes, type Tensor } from '../contract/tensors.ts';
import { quoted } from './quoted.ts';

type RuntimeType = RuntimeTensor.Type;
type RuntimeData = RuntimeTensor.DataTypeMap[RuntimeType];

interface RuntimeKind {
  type: RuntimeType;
  /** A view of the elements; the bytes stand at a multiple of the element's size. */
  view: (buffer: ArrayBufferLike, offset: number, count: number) => RuntimeData;
}

const kinds: Record<Datatype, RuntimeKind> = {
  BOOL: { type: 'bool', view: (...bytes) => new Uint8Array(...bytes) },
  UINT8: { type: 'uint8', view: (...bytes) => new Uint8Array(...bytes) },
  UINT16: { type: 'uint16', view: (...bytes) => new Uint16Array(...bytes) },
  UINT32: { type: 'uint32', view: (...bytes) => new Uint32Array(...bytes) },
  UINT64: { type: 'uint64', view: (...bytes) => new BigUint64Array(...bytes) },
  INT8: { type: 'int8', view: (...bytes) => new Int8Array(...bytes) },
  INT16: { type: 'int16', view: (...bytes) => new Int16Array(...bytes) },
  INT32: { type: 'int32', view: (...bytes) => new Int32Array(...bytes) },
  INT64: { type: 'int64', view: (...bytes) => new BigInt64Array(...bytes) },
  FP32: { type: 'float32', view: (...bytes) => new Float32Array(...bytes) },
  FP64: { type: 'float64', view: (...bytes) => new Float64Array(...bytes) },
};

/** ONNX Runtime's severity from which it prints: its errors come back as exceptions anyway. */
const fatalOnly = 4;

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
    try {
      const session = await InferenceSession.create(model, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: fatalOnly,
        extra: {
          session: {
            intra_op: { allow_spinning: '0' },
            disable_quant_qdq: fusesQuantisation ? '0' : '1',
          },
        },
      });
      return new RuntimeModel(session);
    } catch (thrown) {
      throw runtimeError('model_invalid', 'cannot load the model', thrown);
    }
  }

  /** Runs the model once. Throws `engine_failed` with ONNX Runtime's reason. */
  async run(inputs: readonly Tensor[]): Promise<Map<string, Tensor>> {
    const feeds: Record<string, RuntimeTensor> = {};
    for (const { name, datatype, shape, data } of inputs) {
      const { type, view } = kinds[datatype];
      const { bytes, count } = alignedElements(data, datatype);
      feeds[name] = new RuntimeTensor(type, view(bytes.buffer, bytes.byteOffset, count), shape);
    }
    let results: InferenceSession.ReturnType;
    try {
      results = await this.#session.run(feeds);
    } catch (thrown) {
      throw runtimeError('engine_failed', 'the model does not run on this input', thrown);
    }
    return new Map(Object.entries(results).map(([name, value]) => [name, toTensor(name, value)]));
  }

  /** Frees the session. */
  async release(): Promise<void> {
    await this.#session.release();
  }
}

function alignedElements(data: Uint8Array, datatype: Datatype): { bytes: Uint8Array; count: number } {
  const size = datatypeBytes[datatype];
  const bytes = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  return { bytes, count: data.length / size };
}

function toTensor(name: string, value: RuntimeTensor): Tensor {
  const datatype = (Object.keys(kinds) as Datatype[]).find((key) => kinds[key].type === value.type);
  if (datatype === undefined || !ArrayBuffer.isView(value.data)) {
    throw new SluiceError(
      'model_unsupported',
      `graph output ${quoted(name)}: datatype ${value.type} cannot be served`,
    );
  }
  const { buffer, byteOffset, byteLength } = value.data;
  return { name, datatype, shape: [...value.dims], data: new Uint8Array(buffer, byteOffset, byteLength) };
}

function runtimeError(code: 'model_invalid' | 'engine_failed', what: string, thrown: unknown): SluiceError {
  const reason = (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\s+/g, ' ').trim();
  return new SluiceError(code, `ONNX Runtime: ${what} (${reason})`, { cause: thrown });
}
