import { randomUUID } from 'node:crypto';
import type { Tensor, TensorDescription } from '../../contract/tensors.ts';
import type { FoundNumbers, RequestForm } from '../../native/json-numbers.ts';
import type { StatefulModel } from '../sequences/stateful-model.ts';
import { type DecodeTarget, decodeElements } from '../tensors/decode.ts';
import { decodeNumbers } from '../tensors/decode-numbers.ts';
import { jsonNumbers } from '../tensors/json-numbers.ts';
import { decodeNested, nestedInput } from '../tensors/nested-input.ts';
import { parseJson } from './request-body.ts';

/** Shorter arrays are no faster this way. */
const numbersMin = 32;
/** More are left to JSON.parse: hardly a model has so many inputs, and each costs some objects. */
const arraysMax = 64;
/** Nobody can guess it, so no text of a request is taken for a place. */
const placePrefix = `${randomUUID()}:`;

/** Texts from here on are read away from the event loop: below, waiting for a thread costs more. */
const laterBytesMin = 64 * 1024;

/** How a request is written, and what its model takes. */
export interface RequestKind {
  form: RequestForm;
  /** All inputs of the model, those too that the request need not give. */
  inputs: readonly TensorDescription[];
  /** Requests must not overtake each other from here on: the model keeps a state between them. */
  isOrdered: boolean;
}

/** What a request of that form to a model is. */
export function requestKind(form: RequestForm, { signature, sequences }: StatefulModel): RequestKind {
  return { form, inputs: signature.inputs, isOrdered: sequences !== undefined };
}

/**
 * A request as JSON, in which long arrays of numbers are read from the text itself and never become JavaScript
 * arrays, up to 64 of them. Everything else about the request, errors included, is as if `JSON.parse` had read it all.
 */
export class RequestJson {
  /** The request, with texts that stand for such arrays. */
  readonly value: unknown;
  readonly #text: Uint8Array;
  readonly #found: readonly FoundNumbers[];

  private constructor(text: Uint8Array, found: readonly FoundNumbers[]) {
    this.#text = text;
    const value = found.length === 0 ? undefined : parseWithPlaces(text, found);
    this.#found = value === undefined ? [] : found;
    this.value = value === undefined ? parseJson(text) : value;
  }

  /** Reads a request; a long one lets the event loop turn, unless it is ordered. Throws `invalid_json`. */
  static async read(text: Uint8Array, { form, inputs, isOrdered }: RequestKind): Promise<RequestJson> {
    const hasNumbers = inputs.some(({ datatype }) => datatype !== 'BYTES');
    if (jsonNumbers === undefined || !hasNumbers) return new RequestJson(text, []);
    const asFloat32 = inputs.every(({ datatype }) => datatype === 'FP32');
    const wanted = { form, least: numbersMin, most: arraysMax, asFloat32 };
    const found =
      isOrdered || text.length < laterBytesMin
        ? jsonNumbers.findNumbers(text, wanted)
        : await jsonNumbers.findNumbersLater(text, wanted);
    return new RequestJson(text, found);
  }

  /** The bytes of `data` of an input. Throws as `decodeElements` does. */
  decode(target: DecodeTarget, data: unknown): Uint8Array {
    const found = this.#numbersOf(data);
    const bytes = found === undefined ? undefined : decodeNumbers(target, found);
    return bytes ?? decodeElements(target, this.#parsed(data));
  }

  /** An input whose shape follows from the nesting of its `data`. Throws as `decodeNested` does. */
  decodeNested(description: TensorDescription, data: unknown): Tensor {
    const found = this.#numbersOf(data);
    if (found === undefined) return decodeNested(description, data);
    return nestedInput(description, found.shape, (target) => this.decode(target, data));
  }

  /** What `JSON.parse` makes of a value of the request; of an object, its values too. */
  plain(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#parsed(value);
    return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, this.#parsed(own)]));
  }

  /** Sizes of the arrays that a value is, from the outermost inwards, where it was read from the text itself. */
  shapeOf(value: unknown): readonly number[] | undefined {
    return this.#numbersOf(value)?.shape;
  }

  #parsed(value: unknown): unknown {
    const found = this.#numbersOf(value);
    return found === undefined ? value : parseJson(this.#text.subarray(found.begin, found.end));
  }

  #numbersOf(data: unknown): FoundNumbers | undefined {
    if (typeof data !== 'string' || !data.startsWith(placePrefix)) return undefined;
    return this.#found[Number(data.slice(placePrefix.length))];
  }
}

/** Undefined for what is no JSON, which `parseJson` then says of the whole text. */
function parseWithPlaces(text: Uint8Array, found: readonly FoundNumbers[]): unknown {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  let json = '';
  let start = 0;
  for (const [index, { begin, end }] of found.entries()) {
    json += `${bytes.toString('utf8', start, begin)}"${placePrefix}${index}"`;
    start = end;
  }
  try {
    return JSON.parse(json + bytes.toString('utf8', start)) as unknown;
  } catch {
    return undefined;
  }
}
