import { RuntimeModel } from '../../ort/runtime-model.ts';
import type { ImportedMap } from '../import/graph.ts';
import { type FloatPart, floatModelOf, floatOutputOf } from '../import/to-onnx.ts';
import { canonicalModelOf } from '../network/canonical-model.ts';
import type { FeatureMap, Network } from '../network/network.ts';
import { dequantiseAll, type Quantisation, quantiseAll } from './quantisation.ts';
import type { RegionSample } from './samples.ts';

/** A region in float on ONNX Runtime that tells the values of any of its maps. */
export class FloatRegion {
  readonly #runtime: RuntimeModel;
  readonly #inputs: readonly ImportedMap[];
  readonly #told: readonly ImportedMap[];

  private constructor(
    runtime: RuntimeModel,
    { inputs, told }: { inputs: readonly ImportedMap[]; told: readonly ImportedMap[] },
  ) {
    this.#runtime = runtime;
    this.#inputs = inputs;
    this.#told = told;
  }

  /**
   * Loads a region; `told` are the maps whose values a run gives. Operators behind DequantizeLinear stay
   * float: fused they would be int8 kernels, and those of x64 without VNNI saturate in 16 bits.
   */
  static async load(part: FloatPart, told: readonly ImportedMap[]): Promise<FloatRegion> {
    const model = floatModelOf({ ...part, outputs: told });
    const runtime = await RuntimeModel.load(model, { fusesQuantisation: false });
    return new FloatRegion(runtime, { inputs: part.inputs, told });
  }

  /** Values of the told maps, in their order. */
  async run(sample: RegionSample): Promise<Float32Array[]> {
    const feeds = this.#inputs.map((map, index) => {
      const { buffer, byteOffset, byteLength } = sample[index] ?? new Float32Array(0);
      return {
        name: map.name,
        datatype: 'FP32' as const,
        shape: shapeOf(map),
        data: new Uint8Array(buffer, byteOffset, byteLength),
      };
    });
    const results = await this.#runtime.run(feeds);
    return this.#told.map((map) => {
      const { buffer, byteOffset, byteLength } = results.get(floatOutputOf(map))?.data ?? new Uint8Array(0);
      return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT);
    });
  }

  /** Frees the session. */
  release(): Promise<void> {
    return this.#runtime.release();
  }
}

/** A network's canonical model on ONNX Runtime, fed with floats; tells what maps of it stand for. */
export class IntegerRegion {
  readonly #runtime: RuntimeModel;
  readonly #network: Network;
  readonly #quantisations: ReadonlyMap<string, Quantisation>;
  readonly #told: readonly FeatureMap[];

  private constructor(
    runtime: RuntimeModel,
    options: {
      network: Network;
      quantisations: ReadonlyMap<string, Quantisation>;
      told: readonly FeatureMap[];
    },
  ) {
    this.#runtime = runtime;
    this.#network = options.network;
    this.#quantisations = options.quantisations;
    this.#told = options.told;
  }

  /** Loads a network; `told` are maps that its layers compute. */
  static async load(
    network: Network,
    {
      quantisations,
      told,
    }: { quantisations: ReadonlyMap<string, Quantisation>; told: readonly FeatureMap[] },
  ): Promise<IntegerRegion> {
    const model = canonicalModelOf({ ...network, outputs: told });
    const runtime = await RuntimeModel.load(model, { fusesQuantisation: false });
    return new IntegerRegion(runtime, { network, quantisations, told });
  }

  /** Values that the integers of the told maps stand for, in their order. */
  async run(sample: RegionSample): Promise<Float32Array[]> {
    const integers = await this.runIntegers(sample);
    return this.#told.map(({ name }, index) => dequantiseAll(integers[index] as Int8Array, this.#of(name)));
  }

  /** Integers of the told maps, in their order. */
  async runIntegers(sample: RegionSample): Promise<Int8Array[]> {
    const feeds = this.#network.inputs.map((map, index) => {
      const integers = quantiseAll(sample[index] ?? new Float32Array(0), this.#of(map.name));
      const data = new Uint8Array(integers.buffer);
      return { name: map.name, datatype: 'INT8' as const, shape: shapeOf(map), data };
    });
    const results = await this.#runtime.run(feeds);
    return this.#told.map(({ name }) => {
      const { buffer, byteOffset, byteLength } = results.get(name)?.data ?? new Uint8Array(0);
      return new Int8Array(buffer, byteOffset, byteLength);
    });
  }

  /** Frees the session. */
  release(): Promise<void> {
    return this.#runtime.release();
  }

  #of(name: string): Quantisation {
    const quantisation = this.#quantisations.get(name);
    if (quantisation === undefined) throw new TypeError(`map ${name} has no quantisation`);
    return quantisation;
  }
}

function shapeOf({ channels, rows, columns }: FeatureMap): number[] {
  return [1, channels, rows, columns];
}
