import { Tensor as RuntimeTensor } from 'onnxruntime-node';
import { quoted } from '../base/quoted.ts';
import { readByteElements, writeByteElements } from '../contract/byte-elements.ts';
import { SluiceError } from '../contract/errors.ts';
import { datatypeBytes } from '../contract/tensor-data.ts';
import type { Datatype, Tensor } from '../contract/tensors.ts';

type RuntimeType = RuntimeTensor.Type;
type RuntimeData = RuntimeTensor.DataTypeMap[RuntimeType];

interface RuntimeKind {
  type: RuntimeType;
  /** The elements, which stand at a multiple of their size: a view where bytes are elements. */
  read: (buffer: ArrayBufferLike, offset: number, count: number) => RuntimeData;
}

const kinds: Record<Datatype, RuntimeKind> = {
  BOOL: { type: 'bool', read: (...bytes) => new Uint8Array(...bytes) },
  UINT8: { type: 'uint8', read: (...bytes) => new Uint8Array(...bytes) },
  UINT16: { type: 'uint16', read: (...bytes) => new Uint16Array(...bytes) },
  UINT32: { type: 'uint32', read: (...bytes) => new Uint32Array(...bytes) },
  UINT64: { type: 'uint64', read: (...bytes) => new BigUint64Array(...bytes) },
  INT8: { type: 'int8', read: (...bytes) => new Int8Array(...bytes) },
  INT16: { type: 'int16', read: (...bytes) => new Int16Array(...bytes) },
  INT32: { type: 'int32', read: (...bytes) => new Int32Array(...bytes) },
  INT64: { type: 'int64', read: (...bytes) => new BigInt64Array(...bytes) },
  FP16: { type: 'float16', read: (...bytes) => new Uint16Array(...bytes) as never },
  FP32: { type: 'float32', read: (...bytes) => new Float32Array(...bytes) },
  FP64: { type: 'float64', read: (...bytes) => new Float64Array(...bytes) },
  BYTES: { type: 'string', read: (...bytes) => wholeTexts(readByteElements(new Uint8Array(...bytes))) },
};

/**
 * A tensor as ONNX Runtime takes it, a view where its bytes are aligned. Throws `tensor_data` for BYTES that
 * are not UTF-8 or hold a character 0: ONNX Runtime's strings in Node.js hold nothing else, and end at a 0.
 */
export function toRuntimeTensor({ name, datatype, shape, data }: Tensor): RuntimeTensor {
  const size = datatype === 'BYTES' ? 1 : datatypeBytes[datatype];
  const bytes = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  const { type, read } = kinds[datatype];
  try {
    const elements = read(bytes.buffer, bytes.byteOffset, data.length / size);
    if (type !== 'float16') return new RuntimeTensor(type, elements, shape);
    // The constructor makes a Float16Array of it where there is one, which the native side does not know.
    return { type, data: elements, dims: shape, location: 'cpu' } as unknown as RuntimeTensor;
  } catch (thrown) {
    if (datatype !== 'BYTES') throw thrown;
    throw new SluiceError(
      'tensor_data',
      `input ${quoted(name)}: a BYTES element is not UTF-8, or holds a character 0`,
      {
        cause: thrown,
      },
    );
  }
}

function wholeTexts(texts: string[]): string[] {
  if (texts.some((text) => text.includes('\0'))) throw new TypeError('a text holds a character 0');
  return texts;
}

/** What ONNX Runtime gave, as a view. Throws `model_unsupported` for a datatype that is not served. */
export function fromRuntimeTensor(name: string, value: RuntimeTensor): Tensor {
  const datatype = (Object.keys(kinds) as Datatype[]).find((key) => kinds[key].type === value.type);
  const common = { name, shape: [...value.dims] };
  if (datatype === 'BYTES') return { ...common, datatype, data: writeByteElements(value.data as string[]) };
  if (datatype === undefined || !ArrayBuffer.isView(value.data)) {
    throw new SluiceError(
      'model_unsupported',
      `graph output ${quoted(name)}: datatype ${value.type} cannot be served`,
    );
  }
  const { buffer, byteOffset, byteLength } = value.data;
  return { ...common, datatype, data: new Uint8Array(buffer, byteOffset, byteLength) };
}
