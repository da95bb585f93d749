import { loadAddon } from './load-addon.ts';

/** An array of numbers in a JSON text, nested or flat. */
export interface FoundNumbers {
  /** First byte of the array, and the one behind it. */
  begin: number;
  end: number;
  /** Sizes from the outermost array inwards. */
  shape: number[];
  /** Row-major, exactly as `JSON.parse` reads them. */
  values: Float64Array;
}

interface CodecAddon {
  findInputData(text: Uint8Array, least: number, most: number): FoundNumbers[];
  writeNumbers(values: Float32Array | Float64Array): string;
}

/** Reads and writes the numbers of JSON tensors much faster than JSON.parse and JSON.stringify do. */
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
   * The values of `data` of the inputs of an infer request, as far as they are arrays of at least `least` plain
   * numbers, all of one shape; the first `most` of them. With each replaced by any other value the text is JSON exactly when it was before.
   */
  findInputData(text: Uint8Array, { least, most }: { least: number; most: number }): FoundNumbers[] {
    return this.#addon.findInputData(text, least, most);
  }

  /**
   * A flat JSON array, each number in the fewest digits that read back as the same float32 or float64. NaN and
   * the infinities are strings.
   */
  write(values: Float32Array | Float64Array): string {
    return this.#addon.writeNumbers(values);
  }
}
