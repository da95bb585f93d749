import { loadAddon } from './load-addon.ts';

/** Typed arrays that numbers of JSON are read into and written from. */
export type JsonFloats = Float32Array | Float64Array;

/** A piece of a JSON text: text as it is, or numbers, which become a flat array. */
export type JsonPart = string | JsonFloats;

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

/** What to look for in a request. */
export interface NumbersWanted {
  /** Shorter arrays are left alone. */
  least: number;
  /** So many arrays, the first. */
  most: number;
  /** Whether every number will become a float32. */
  asFloat32: boolean;
}

type Callback<Result> = (error: Error | null, result: Result) => void;

interface CodecAddon {
  findInputData(text: Uint8Array, least: number, most: number, asFloat32: boolean): FoundNumbers[];
  findInputDataLater(
    text: Uint8Array,
    least: number,
    most: number,
    asFloat32: boolean,
    callback: Callback<FoundNumbers[]>,
  ): void;
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
   * The values of `data` of the inputs of an infer request, as far as they are arrays of plain numbers, all of
   * one shape. With each replaced by any other value the text is JSON exactly when it was before.
   */
  findInputData(text: Uint8Array, { least, most, asFloat32 }: NumbersWanted): FoundNumbers[] {
    return this.#addon.findInputData(text, least, most, asFloat32);
  }

  /** The same, later. */
  findInputDataLater(text: Uint8Array, { least, most, asFloat32 }: NumbersWanted): Promise<FoundNumbers[]> {
    return promised((callback) => this.#addon.findInputDataLater(text, least, most, asFloat32, callback));
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

function promised<Result>(start: (callback: Callback<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result) : reject(error)));
  });
}
