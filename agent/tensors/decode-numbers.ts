import { elementCount } from '../../contract/tensor-data.ts';
import type { Datatype } from '../../contract/tensors.ts';
import type { FoundNumbers } from '../../native/json-numbers.ts';
import { ownedByRequest } from '../request-memory.ts';
import type { DecodeTarget } from './decode.ts';
import { bytesOf, type ElementArray, elementArrays } from './element-arrays.ts';
import { shortFloats } from './short-floats.ts';

/**
 * What `decodeElements` makes of an array of plain numbers; undefined where that has something to say against it.
 */
export function decodeNumbers(
  { datatype, shape }: DecodeTarget,
  { shape: own, values }: FoundNumbers,
): Uint8Array | undefined {
  const isShaped = own.length === 1 || `${own}` === `${shape}`;
  if (!isShaped || values.length !== elementCount(shape)) return undefined;
  if (values instanceof Float32Array) {
    return datatype === 'FP32' ? ownedByRequest(bytesOf(values)) : undefined;
  }
  const elements = elementsFrom(values, datatype);
  return elements === undefined ? undefined : bytesOf(elements);
}

// By index: an iterator, or a function for each element, takes several times as long as the conversion.

function elementsFrom(values: Float64Array, datatype: Datatype): ElementArray | undefined {
  switch (datatype) {
    case 'FP64':
      return values;
    case 'FP32': {
      const elements = new Float32Array(values);
      for (let index = 0; index < elements.length; index += 1) {
        if (!Number.isFinite(elements[index])) return undefined;
      }
      return elements;
    }
    case 'FP16':
    case 'BF16':
      return shortFloatsFrom(values, datatype);
    case 'INT64':
    case 'UINT64':
      return wideIntegersFrom(values, datatype);
    case 'BOOL':
      return booleansFrom(values);
    case 'BYTES':
      return undefined;
    default: {
      const elements = new elementArrays[datatype](values);
      // Storing wraps and truncates: what comes back equal was an integer in range.
      for (let index = 0; index < values.length; index += 1) {
        if (elements[index] !== values[index]) return undefined;
      }
      return elements;
    }
  }
}

function shortFloatsFrom(values: Float64Array, datatype: 'FP16' | 'BF16'): Uint16Array | undefined {
  const { fromNumber, infinity } = shortFloats[datatype];
  const elements = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const bits = fromNumber(values[index] as number);
    if ((bits & infinity) === infinity) return undefined;
    elements[index] = bits;
  }
  return elements;
}

/** Without a BigInt for each: the halves of an integer, the low one first, each stored modulo 2^32. */
function wideIntegersFrom(
  values: Float64Array,
  datatype: 'INT64' | 'UINT64',
): BigInt64Array | BigUint64Array | undefined {
  const least = datatype === 'UINT64' ? 0 : Number.MIN_SAFE_INTEGER;
  const halves = new Uint32Array(2 * values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    if (!Number.isSafeInteger(value) || value < least) return undefined;
    halves[2 * index] = value;
    halves[2 * index + 1] = Math.floor(value / 2 ** 32);
  }
  return new elementArrays[datatype](halves.buffer);
}

function booleansFrom(values: Float64Array): Uint8Array | undefined {
  const elements = new Uint8Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    if (value !== 0 && value !== 1) return undefined;
    elements[index] = value;
  }
  return elements;
}
