import { loadAddon } from './load-addon.ts';

/** Typed arrays that numbers of JSON are read into and written from. */
export type JsonFloats = Float32Array | Float64Array;

/** Numbers to write as arrays of that shape, row-major; it has at least one dimension, and fits their count. */
export interface ShapedFloats {
  values: JsonFloats;
  shape: readonly number[];
}

/** A piece of a JSON text: text as it is, or numbers. */
export type JsonPart = string | ShapedFloats;

/** An array of numbers in a JSON text, nested or flat. */
export interface FoundNumbers {
  /** First byte of the array, and the one behind it. */
  begin: number;
  end: number;
  /** Sizes from the outermost array inwards. */
  shape: number[];
  /** Row-major, exactly as `JSON.parse` reads them, or as a Float32Array stores that. */
  values: JsonFloats;
}

/**
 * Where the arrays of a request stand: `infer` has a list `inputs` of objects with `data` (Open Inference Protocol),
 * `score` an array a member (Azure Machine Learning), `predict` the array `instances` or `inputs`, or an object
 * `inputs` of arrays (TensorFlow Serving).
 */
export type RequestForm = 'infer' | 'score' | 'predict';

/** What to look for in a request. */
export interface NumbersWanted {
  form: RequestForm;
  /** Shorter arrays are left alone. */
  least: number;
  /** So many arrays, the first. */
  most: number;
  /** Whether every number will become a float32. */
  asFloat32: boolean;
}

type Callback<Result> = (error: Error | null, result: Result) => void;

type WantedArguments = [text: Uint8Array, form: RequestForm, least: number, most: number, asFloat32: boolean];

interface CodecAddon {
  findNumbers(...wanted: WantedArguments): FoundNumbers[];
  findNumbersLater(...wanted: [...WantedArguments, Callback<FoundNumbers[]>]): void;
  writeJson(parts: readonly JsonPart[]): Buffer;
  writeJsonLater(parts: readonly JsonPart[], callback: Callback<Buffer>): void;
}

/**
 * Reads and writes the numbers of JSON tensors much faster than JSON.parse and JSON.stringify do. The functions
 * called `…Later` work away from the event loop; what they are given must not change meanwhile.
 */
export class JsonNumbers {
  readonly #addon: CodecAddon;

  private constructor(addon: CodecAddon) {
    this.#addon = addon;
  }

  /** Undefined where the addon cannot be loaded; JSON is then read and written by JavaScript. */
  static load(): JsonNumbers | undefined {
    try {
      return new JsonNumbers(loadAddon<CodecAddon>());
    } catch {
      return undefined;
    }
  }

  /**
   * The arrays of a request, as far as they hold plain numbers and have one shape throughout. With each replaced by
   * any other value the text is JSON exactly when it was before.
   */
  findNumbers(text: Uint8Array, wanted: NumbersWanted): FoundNumbers[] {
    return this.#addon.findNumbers(...argumentsOf(text, wanted));
  }

  /** The same, later. */
  findNumbersLater(text: Uint8Array, wanted: NumbersWanted): Promise<FoundNumbers[]> {
    return promised((callback) => this.#addon.findNumbersLater(...argumentsOf(text, wanted), callback));
  }

  /**
   * A text in UTF-8. Numbers have the fewest digits that read back as the same float32 or float64; NaN and the
   * infinities are strings.
   */
  write(parts: readonly JsonPart[]): Buffer {
    return this.#addon.writeJson(parts);
  }

  /** The same, later. */
  writeLater(parts: readonly JsonPart[]): Promise<Buffer> {
    return promised((callback) => this.#addon.writeJsonLater(parts, callback));
  }
}

function argumentsOf(text: Uint8Array, { form, least, most, asFloat32 }: NumbersWanted): WantedArguments {
  return [text, form, least, most, asFloat32];
}

function promised<Result>(start: (callback: Callback<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
