import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import type { Datatype } from '../../contract/tensors.ts';
import { datatypeOf, elementTypeName } from './element-types.ts';
import type { OnnxTensor } from './model.ts';
import type { TensorMessage } from './schema.ts';

/** `onnx.TensorProto.DataLocation.EXTERNAL`. */
const externalLocation = 1;

/**
 * Reads a constant. onnx.proto lets its elements stand in `raw_data` or in one of five typed fields;
 * they come out as little-endian bytes either way.
 * Throws `model_invalid` for external data and for a length that differs from the shape.
 */
export function readTensor(message: TensorMessage): OnnxTensor {
  const name = message.name ?? '';
  const code = message.dataType ?? 0;
  if (message.dataLocation === externalLocation) {
    throw invalid(name, 'its data is in another file, which does not come along; save the model as one file');
  }
  const shape = (message.dims ?? []).map(Number);
  if (shape.some((dimension) => dimension < 0)) throw invalid(name, `negative dimension in [${shape}]`);
  const datatype = datatypeOf(code);
  if (datatype === undefined || datatype === 'BYTES') {
    return { name, elementType: code, shape, data: undefined };
  }
  const data = message.rawData?.length ? message.rawData : encodeTyped(message, datatype);
  const expectedBytes = elementCount(shape) * datatypeBytes[datatype];
  if (data.length !== expectedBytes) {
    const kind = `${elementTypeName(code)} [${shape}]`;
    throw invalid(name, `${data.length} bytes of data, ${expectedBytes} expected for ${kind}`);
  }
  return { name, elementType: code, shape, data };
}

/** Elements from the typed field that onnx.proto names for the type. */
function encodeTyped(message: TensorMessage, datatype: Exclude<Datatype, 'BYTES'>): Uint8Array {
  switch (datatype) {
    case 'FP32':
      return bytesOf(Float32Array.from(message.floatData ?? []));
    case 'FP64':
      return bytesOf(Float64Array.from(message.doubleData ?? []));
    case 'INT64':
      return bytesOf(BigInt64Array.from(message.int64Data ?? []));
    case 'UINT64':
      return bytesOf(BigUint64Array.from(message.uint64Data ?? []));
    case 'UINT32':
      return bytesOf(Uint32Array.from(message.uint64Data ?? [], Number));
    case 'INT32':
      return bytesOf(Int32Array.from(message.int32Data ?? []));
    case 'INT16':
    case 'UINT16':
    case 'FP16':
    case 'BF16':
      return bytesOf(Int16Array.from(message.int32Data ?? []));
    case 'INT8':
    case 'UINT8':
    case 'BOOL':
      return bytesOf(Int8Array.from(message.int32Data ?? []));
  }
}

/** Typed arrays have the machine's byte order: little-endian on everything that Node.js runs the addon on. */
function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function invalid(name: string, reason: string): SluiceError {
  return new SluiceError('model_invalid', `initialiser ${quoted(name)}: ${reason}`);
}

/** Elements of an INT8 constant. */
export function int8Elements(data: Uint8Array): Int8Array {
  return new Int8Array(data.buffer, data.byteOffset, data.length);
}

/** Elements of a FLOAT constant; `data` may stand at any offset. */
export function floatElements(data: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(data).buffer);
}

/** Elements of an INT32 constant. */
export function int32Elements(data: Uint8Array): Int32Array {
  return new Int32Array(new Uint8Array(data).buffer);
}

/** Elements of an INT64 constant; those beyond 2^53 lose precision, which no shape reaches. */
export function int64Elements(data: Uint8Array): number[] {
  return Array.from(new BigInt64Array(new Uint8Array(data).buffer), Number);
}
