import { writeByteElements } from '../../contract/byte-elements.ts';
import { SluiceError } from '../../contract/errors.ts';
import { elementCount } from '../../contract/tensor-data.ts';
import type { Datatype } from '../../contract/tensors.ts';
import { brief } from './brief.ts';
import { bytesOf, elementArrays } from './element-arrays.ts';
import { type ShortFloat, shortFloats } from './short-floats.ts';

/** What the elements shall become. */
export interface DecodeTarget {
  datatype: Datatype;
  /** Checked against the signature already. */
  shape: readonly number[];
  /** Start of messages, such as `input x`. */
  where: string;
}

type SmallIntegers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
type Fill = (values: readonly unknown[], start: number) => void;

const specialNumbers = new Map<unknown, number>([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/**
 * Turns the `data` of a JSON tensor, flat or nested like the shape, into bytes.
 *
 * - Floats are JSON numbers, or one of the strings "NaN", "Infinity" and "-Infinity" (JSON has no numbers for
 *   these). A number that would overflow the datatype is an error, not an infinity.
 * - Integers are JSON numbers without fraction inside the datatype's range. 64-bit integers beyond 2^53 must be
 *   strings of decimal digits, because a JSON number of that size has already lost its last digits.
 * - BOOL is true or false, 1 or 0.
 * - BYTES elements are strings, which become UTF-8, or `{"b64": text}` for what the text encodes.
 *
 * Throws `tensor_data` that names the element, what came and what was expected.
 */
export function decodeElements(target: DecodeTarget, data: unknown): Uint8Array {
  const { shape, where } = target;
  const count = elementCount(shape);
  const values = shape.length === 0 && !Array.isArray(data) ? [data] : data;
  if (!Array.isArray(values)) throw wrong(where, 'data', values, 'an array');
  const nested = shape.length > 1 && Array.isArray(values[0]);
  const found = nested ? leafCount(values, shape, 0, where) : values.length;
  if (found !== count) {
    throw new SluiceError(
      'tensor_data',
      `${where}: data has ${found} elements, ${count} expected for shape [${shape}]`,
    );
  }
  const { fill, finish } = filler(target, count);
  if (nested) fillNested(values, shape.length - 1, fill, 0);
  else fill(values, 0);
  return finish();
}

/** Elements of nested data, every array of which has its dimension's length; so nothing is allocated for a lie. */
function leafCount(
  values: readonly unknown[],
  shape: readonly number[],
  level: number,
  where: string,
): number {
  if (values.length !== shape[level]) {
    throw new SluiceError(
      'tensor_data',
      `${where}: an array of ${values.length} at depth ${level} of data, ${shape[level]} expected for shape [${shape}]`,
    );
  }
  if (level === shape.length - 1) return values.length;
  let count = 0;
  for (const value of values) {
    if (!Array.isArray(value)) throw wrong(where, `data at depth ${level + 1}`, value, 'an array');
    count += leafCount(value, shape, level + 1, where);
  }
  return count;
}

function fillNested(values: readonly unknown[], depth: number, fill: Fill, start: number): number {
  if (depth === 0) {
    fill(values, start);
    return start + values.length;
  }
  let next = start;
  for (const value of values) next = fillNested(value as unknown[], depth - 1, fill, next);
  return next;
}

function filler(target: DecodeTarget, count: number): { fill: Fill; finish: () => Uint8Array } {
  const { datatype, where } = target;
  const fail = (index: number, value: unknown, hint: string): never => {
    throw wrong(where, `data[${index}]`, value, `${datatype}${hint}`);
  };
  if (datatype === 'BYTES') {
    const texts: (string | Uint8Array)[] = [];
    return {
      fill: (values, start) => fillTexts(texts, values, start, fail),
      finish: () => writeByteElements(texts),
    };
  }
  const out = new elementArrays[datatype](count);
  const finish = (): Uint8Array => bytesOf(out);
  if (datatype === 'BOOL') {
    return { finish, fill: (values, start) => fillBooleans(out as Uint8Array, values, start, fail) };
  }
  const short = shortFloats[datatype];
  if (short !== undefined) {
    return {
      finish,
      fill: (values, start) => fillShortFloats(out as Uint16Array, values, start, { short, fail }),
    };
  }
  if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
    return { finish, fill: (values, start) => fillBigIntegers(out, values, start, fail) };
  }
  if (out instanceof Float32Array || out instanceof Float64Array) {
    return { finish, fill: (values, start) => fillFloats(out, values, start, fail) };
  }
  return { finish, fill: (values, start) => fillIntegers(out, values, start, fail) };
}

type Fail = (index: number, value: unknown, hint: string) => never;

function fillFloats(
  out: Float32Array | Float64Array,
  values: readonly unknown[],
  start: number,
  fail: Fail,
): void {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value === 'number') {
      out[start + index] = value;
      if (!Number.isFinite(out[start + index])) fail(start + index, value, ' in range');
    } else {
      const special = specialNumbers.get(value);
      if (special === undefined) fail(start + index, value, ' number');
      else out[start + index] = special;
    }
  }
}

function fillShortFloats(
  out: Uint16Array,
  values: readonly unknown[],
  start: number,
  { short, fail }: { short: ShortFloat; fail: Fail },
): void {
  const { fromNumber, infinity } = short;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value === 'number') {
      const bits = fromNumber(value);
      if ((bits & infinity) === infinity) fail(start + index, value, ' in range');
      out[start + index] = bits;
    } else {
      const special = specialNumbers.get(value);
      if (special === undefined) fail(start + index, value, ' number');
      else out[start + index] = fromNumber(special);
    }
  }
}

/** Half a character, which UTF-8 has no form for. */
const loneSurrogate = /\p{Surrogate}/u;

/** Undefined for what is no such object, or no base64. */
function bytesOfBase64(value: unknown): Uint8Array | undefined {
  const { b64 } = Object(value) as { b64?: unknown };
  if (typeof b64 !== 'string') return undefined;
  const bytes = Buffer.from(b64, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === b64.replace(/=+$/, '') ? bytes : undefined;
}

function fillTexts(
  out: (string | Uint8Array)[],
  values: readonly unknown[],
  start: number,
  fail: Fail,
): void {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    const isText = typeof value === 'string';
    const element = isText ? value : bytesOfBase64(value);
    if (element === undefined || (isText && loneSurrogate.test(value))) {
      fail(start + index, value, ': a string, or any bytes in base64 as {"b64": text}');
    } else out.push(element);
  }
}

function fillIntegers(out: SmallIntegers, values: readonly unknown[], start: number, fail: Fail): void {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    out[start + index] = typeof value === 'number' ? value : 0;
    // Storing wraps and truncates: what comes back equal was an integer in range.
    if (out[start + index] !== value) fail(start + index, value, ' integer in range');
  }
}

function fillBigIntegers(
  out: BigInt64Array | BigUint64Array,
  values: readonly unknown[],
  start: number,
  fail: Fail,
): void {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    let integer: bigint | undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value)) integer = BigInt(value);
    else if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) integer = BigInt(value);
    if (integer === undefined) fail(start + index, value, ' integer, beyond 2^53 as a string of digits');
    else {
      out[start + index] = integer;
      if (out[start + index] !== integer) fail(start + index, value, ' integer in range');
    }
  }
}

function fillBooleans(out: Uint8Array, values: readonly unknown[], start: number, fail: Fail): void {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (value === true || value === 1) out[start + index] = 1;
    else if (value === false || value === 0) out[start + index] = 0;
    else fail(start + index, value, ': true or false');
  }
}

function wrong(where: string, field: string, value: unknown, expected: string): SluiceError {
  return new SluiceError('tensor_data', `${where}: ${field} is ${brief(value)}, ${expected} expected`);
}
