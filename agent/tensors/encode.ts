import { type ByteElement, readByteElements } from '../../contract/byte-elements.ts';
import type { Tensor } from '../../contract/tensors.ts';
import type { JsonPart, ShapedFloats } from '../../native/json-numbers.ts';
import { type ElementArray, elementsOf } from './element-arrays.ts';
import { jsonNumbers } from './json-numbers.ts';
import { shortFloats } from './short-floats.ts';

/**
 * The elements of a tensor as a flat JSON array, row-major. The reverse of `decodeElements`: NaN and the
 * infinities become strings, and so do 64-bit integers beyond 2^53; everything reads back as the same bytes.
 * Floats are left to the addon, where it is loaded.
 */
export function encodeFlat(tensor: Tensor): JsonPart {
  const elements = jsonElementsOf(tensor);
  return floatsOf(elements, [elements.length]) ?? listOf(tensor, elements);
}

/** Texts from so many numbers on are written away from the event loop: below, waiting for a thread costs more. */
const laterNumbersMin = 4096;

/** The bytes of a JSON text that consists of these parts. */
export function writeJson(parts: readonly JsonPart[]): Buffer | Promise<Buffer> {
  const arrays = parts.filter((part) => typeof part !== 'string');
  if (jsonNumbers === undefined || arrays.length === 0) return Buffer.from(parts.join(''), 'utf8');
  const numbers = arrays.reduce((sum, { values }) => sum + values.length, 0);
  return numbers < laterNumbersMin ? jsonNumbers.write(parts) : jsonNumbers.writeLater(parts);
}

/** The elements of a tensor as JSON arrays nested like its shape, like `encodeFlat`; a scalar as its one value. */
export function encodeNested(tensor: Tensor): JsonPart {
  const elements = jsonElementsOf(tensor);
  const { shape } = tensor;
  const floats = elements.length > 0 && shape.length > 0 ? floatsOf(elements, shape) : undefined;
  if (floats !== undefined) return floats;
  let start = 0;
  const write = (level: number): string => {
    const length = shape[level] ?? 0;
    if (level === shape.length - 1) {
      start += length;
      const row = Array.isArray(elements)
        ? elements.slice(start - length, start)
        : elements.subarray(start - length, start);
      return listOf(tensor, row);
    }
    return `[${Array.from({ length }, () => write(level + 1)).join(',')}]`;
  };
  return shape.length === 0 ? listOf(tensor, elements).slice(1, -1) : write(0);
}

/** Floats in the fewest digits, where the addon writes them; undefined for anything else. */
function floatsOf(
  elements: ElementArray | ByteElement[],
  shape: readonly number[],
): ShapedFloats | undefined {
  const isFloat = elements instanceof Float32Array || elements instanceof Float64Array;
  return isFloat && jsonNumbers !== undefined ? { values: elements, shape } : undefined;
}

/** BYTES as JSON has them; FP16 and BF16 as the numbers that they are. */
function jsonElementsOf(tensor: Tensor): ElementArray | ByteElement[] {
  if (tensor.datatype === 'BYTES') return readByteElements(tensor.data);
  const elements = elementsOf(tensor);
  const short = shortFloats[tensor.datatype];
  return short === undefined ? elements : Float32Array.from(elements as Uint16Array, short.toNumber);
}

function listOf(tensor: Tensor, elements: ElementArray | ByteElement[]): string {
  const floats = floatsOf(elements, [elements.length]);
  if (floats !== undefined && jsonNumbers !== undefined)
    return jsonNumbers.write([floats]).toString('latin1');
  return `[${joined(tensor, elements)}]`;
}

function joined(tensor: Tensor, elements: ElementArray | ByteElement[]): string {
  if (Array.isArray(elements)) return elements.map((element) => JSON.stringify(element)).join(',');
  if (tensor.datatype === 'BOOL') {
    return Array.from(elements as Uint8Array, (element) => element !== 0).join(',');
  }
  if (elements instanceof Float32Array || elements instanceof Float64Array) return joinFloats(elements);
  if (elements instanceof BigInt64Array || elements instanceof BigUint64Array)
    return joinBigIntegers(elements);
  return elements.join(',');
}

function joinFloats(elements: Float32Array | Float64Array): string {
  for (let index = 0; index < elements.length; index += 1) {
    const value = elements[index] as number;
    if (!Number.isFinite(value) || Object.is(value, -0)) return Array.from(elements, floatText).join(',');
  }
  return elements.join(',');
}

function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

function joinBigIntegers(elements: BigInt64Array | BigUint64Array): string {
  const texts: string[] = [];
  for (const element of elements) {
    texts.push(Number.isSafeInteger(Number(element)) ? String(element) : `"${element}"`);
  }
  return texts.join(',');
}
