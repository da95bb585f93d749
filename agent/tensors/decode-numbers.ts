import { elementCount } from '../../contract/tensor-data.ts';
import type { FoundNumbers } from '../../native/json-numbers.ts';
import { ownedByRequest } from '../request-memory.ts';
import type { DecodeTarget } from './decode.ts';
import { bytesOf, elementArrays } from './element-arrays.ts';

/**
 * What `decodeElements` makes of an array of plain numbers; undefined where that has something to say against it,
 * or reads this datatype otherwise.
 */
export function decodeNumbers(
  { datatype, shape }: DecodeTarget,
  { shape: own, values }: FoundNumbers,
): Uint8Array | undefined {
  const isShaped = own.length === 1 || `${own}` === `${shape}`;
  if (!isShaped || values.length !== elementCount(shape)) return undefined;
  switch (datatype) {
    case 'FP32': {
      if (values instanceof Float32Array) return ownedByRequest(bytesOf(values));
      const elements = new Float32Array(values);
      return elements.every(Number.isFinite) ? bytesOf(elements) : undefined;
    }
    case 'FP64':
      return values instanceof Float64Array ? bytesOf(values) : undefined;
    case 'UINT8':
    case 'UINT16':
    case 'UINT32':
    case 'INT8':
    case 'INT16':
    case 'INT32': {
      // Storing wraps and truncates: what comes back equal was an integer in range.
      const elements = new elementArrays[datatype](values);
      return elements.every((value, index) => value === values[index]) ? bytesOf(elements) : undefined;
    }
    default:
      return undefined;
  }
}
