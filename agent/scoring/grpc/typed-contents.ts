import type protobuf from 'protobufjs';
import { SluiceError } from '../../../contract/errors.ts';
import { datatypeBytes, elementCount } from '../../../contract/tensor-data.ts';
import type { Datatype } from '../../../contract/tensors.ts';
import type { InputTarget } from '../open-inference/infer-request.ts';
import { type FieldReader, type FieldReaders, readFields, tagOf, wireTypes } from './fields.ts';
import { readVarints, type TakeVarint } from './varints.ts';

/** Fields of `InferTensorContents` by number. */
const fieldNames = [
  ...['', 'bool_contents', 'int_contents', 'int64_contents', 'uint_contents'],
  ...['uint64_contents', 'fp32_contents', 'fp64_contents', 'bytes_contents'],
] as const;
const fieldNumbers: Record<Datatype, number | undefined> = {
  BOOL: 1,
  ...{ INT8: 2, INT16: 2, INT32: 2, INT64: 3 },
  ...{ UINT8: 4, UINT16: 4, UINT32: 4, UINT64: 5 },
  ...{ FP16: undefined, BF16: undefined, FP32: 6, FP64: 7, BYTES: 8 },
};
const fixedWireTypes = { FP32: wireTypes.fixed32, FP64: wireTypes.fixed64 } as const;
const lengthBytes = 4;

/**
 * The data of an input from its `InferTensorContents`, checked against its shape. Floats are on the wire as they
 * are in memory, so they are copied in one piece; integers are read one by one. Throws `tensor_data`.
 */
export function readTypedContents(parts: readonly Uint8Array[], target: InputTarget): Uint8Array {
  const { datatype, where } = target;
  const field = fieldNumbers[datatype];
  if (field === undefined) {
    throw new SluiceError('tensor_data', `${where}: ${datatype} has no typed contents; send it raw`);
  }
  try {
    checkFields(parts, field, target);
    if (datatype === 'BYTES') return readElements(parts, target);
    if (datatype === 'FP32' || datatype === 'FP64') return readFloats(parts, field, { ...target, datatype });
    return readIntegers(parts, field, target);
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError('tensor_data', `${where}: contents are damaged (${reason})`, { cause: thrown });
  }
}

/** Refuses data in a field of another datatype, which would be overlooked. */
function checkFields(parts: readonly Uint8Array[], field: number, { datatype, where }: InputTarget): void {
  const readers = new Map<number, FieldReader<undefined>>();
  for (const [number, name] of fieldNames.entries()) {
    if (number === 0 || number === field) continue;
    for (const wireType of Object.values(wireTypes)) {
      readers.set(tagOf(number, wireType), (_target, reader) => {
        const start = reader.pos;
        reader.skipType(wireType);
        // An empty list is as none.
        if (wireType === wireTypes.bytes && reader.pos === start + 1 && number !== fieldNumbers.BYTES) return;
        throw new SluiceError(
          'tensor_data',
          `${where}: contents hold ${name}; ${datatype} stands in ${fieldNames[field]}`,
        );
      });
    }
  }
  walk(parts, readers);
}

/** The values of a field in one piece: packed or one by one they are the same bytes. */
function payloadOf(parts: readonly Uint8Array[], field: number, wireType: number): Uint8Array {
  let packed: Uint8Array = new Uint8Array();
  let occurrences = 0;
  const readers = new Map<number, FieldReader<undefined>>([
    [
      tagOf(field, wireTypes.bytes),
      (_target, reader) => {
        occurrences += 1;
        packed = reader.bytes();
      },
    ],
    [
      tagOf(field, wireType),
      (_target, reader) => {
        // One by one is not packed.
        occurrences += 2;
        reader.skipType(wireType);
      },
    ],
  ]);
  walk(parts, readers);
  return occurrences <= 1 ? packed : gather(parts, field, wireType);
}

/** As old encoders write it. Byte by byte, because a view of each value would take more memory than the message. */
function gather(parts: readonly Uint8Array[], field: number, wireType: number): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let length = 0;
  const copy = (reader: protobuf.Reader, start: number): void => {
    for (let index = start; index < reader.pos; index += 1) {
      whole[length] = reader.buf[index] as number;
      length += 1;
    }
  };
  walk(
    parts,
    new Map<number, FieldReader<undefined>>([
      [
        tagOf(field, wireTypes.bytes),
        (_target, reader) => {
          const size = reader.size();
          const start = reader.pos;
          reader.skip(size);
          copy(reader, start);
        },
      ],
      [
        tagOf(field, wireType),
        (_target, reader) => {
          const start = reader.pos;
          reader.skipType(wireType);
          copy(reader, start);
        },
      ],
    ]),
  );
  return whole.subarray(0, length);
}

function readFloats(
  parts: readonly Uint8Array[],
  field: number,
  target: InputTarget & { datatype: 'FP32' | 'FP64' },
): Uint8Array {
  const { datatype, shape } = target;
  const payload = payloadOf(parts, field, fixedWireTypes[datatype]);
  checkCount(payload.length / datatypeBytes[datatype], target, elementCount(shape));
  // A copy, which is aligned.
  return new Uint8Array(payload);
}

function readIntegers(parts: readonly Uint8Array[], field: number, target: InputTarget): Uint8Array {
  const { datatype, shape } = target;
  const payload = payloadOf(parts, field, wireTypes.varint);
  const count = elementCount(shape);
  // An element takes a byte at least: nothing is allocated for a shape that cannot be true.
  if (count > payload.length)
    checkCount(
      readVarints(payload, count, () => undefined),
      target,
      count,
    );
  const data = new Uint8Array(count * datatypeBytes[datatype as Exclude<Datatype, 'BYTES'>]);
  checkCount(readVarints(payload, count, storeOf(data, target)), target, count);
  return data;
}

/** Puts integers into the data of a tensor. Protobuf has no field for small ones, so their range is checked. */
function storeOf(data: Uint8Array, { datatype, where }: InputTarget): TakeVarint {
  if (datatype === 'BOOL') {
    return (index, low, high) => {
      data[index] = (low | high) === 0 ? 0 : 1;
    };
  }
  if (datatype === 'INT64' || datatype === 'UINT64') {
    const words = new Int32Array(data.buffer);
    return (index, low, high) => {
      words[2 * index] = low;
      words[2 * index + 1] = high;
    };
  }
  const elements = smallElements(data, datatype);
  const isSigned = datatype.startsWith('I');
  return (index, low) => {
    const value = isSigned ? low : low >>> 0;
    elements[index] = value;
    // Storing wraps: what comes back equal was in range.
    if (elements[index] !== value) {
      throw new SluiceError('tensor_data', `${where}: element ${index} is ${value}, ${datatype} expected`);
    }
  };
}

function smallElements(
  { buffer }: Uint8Array,
  datatype: Datatype,
): Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array {
  switch (datatype) {
    case 'INT8':
      return new Int8Array(buffer);
    case 'UINT8':
      return new Uint8Array(buffer);
    case 'INT16':
      return new Int16Array(buffer);
    case 'UINT16':
      return new Uint16Array(buffer);
    case 'INT32':
      return new Int32Array(buffer);
    default:
      return new Uint32Array(buffer);
  }
}

/** `bytes_contents`, each behind its length, as the raw form has them. */
function readElements(parts: readonly Uint8Array[], target: InputTarget): Uint8Array {
  const { shape } = target;
  const tag = tagOf(8, wireTypes.bytes);
  let count = 0;
  let total = 0;
  const measure: FieldReader<undefined> = (_target, reader) => {
    const length = reader.size();
    reader.skip(length);
    count += 1;
    total += lengthBytes + length;
  };
  walk(parts, new Map([[tag, measure]]));
  checkCount(count, target, elementCount(shape));
  const data = new Uint8Array(total);
  const view = new DataView(data.buffer);
  let offset = 0;
  const store: FieldReader<undefined> = (_target, reader) => {
    const length = reader.size();
    view.setUint32(offset, length, true);
    data.set(reader.buf.subarray(reader.pos, reader.pos + length), offset + lengthBytes);
    reader.skip(length);
    offset += lengthBytes + length;
  };
  walk(parts, new Map([[tag, store]]));
  return data;
}

function walk(parts: readonly Uint8Array[], readers: FieldReaders<undefined>): void {
  for (const part of parts) readFields(part, undefined, readers);
}

function checkCount(found: number, { shape, where }: InputTarget, count: number): void {
  if (found === count) return;
  const more = found > count ? 'more' : found;
  throw new SluiceError(
    'tensor_data',
    `${where}: contents hold ${more} elements, ${count} expected for shape [${shape}]`,
  );
}
