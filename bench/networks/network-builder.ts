import { addTermsOf, nudgedOutputScale } from '../../compiler/network/add-terms.ts';
import type { FeatureMap, Layer, Network } from '../../compiler/network/network.ts';
import { seededRandom } from './seeded-random.ts';
import { tableOf } from './tables.ts';
import { type WindowOptions, windowedSize, windowOf } from './windows.ts';

/** A map of a generated network, and what its values are expected to be like. */
export interface Values {
  map: FeatureMap;
  /** Real value of one step. */
  scale: number;
  zeroPoint: number;
  /** Root mean square of value - zero point. */
  spread: number;
}

/** Result of a layer: clamped to nothing, from 0 up, from 0 to a bound, or mapped by hard-swish. */
export type Activation = 'linear' | 'relu' | 'relu6' | 'hard-swish';

/** A generated convolution; `channels` are the output's. */
export interface ConvolutionOptions extends WindowOptions {
  channels: number;
  groups?: number;
  activation?: Activation;
}

/** What follows a sum or product. */
type PlainActivation = 'linear' | 'relu';

/** Zero point of a rectified sum or product: above -128, so that the clamp has work. */
const rectifiedZeroPoint = -100;
/** Spread that results without a clamp are scaled to: 3.5 times that saturates. */
const linearSpread = 36;
/** The same before a clamp at zero, which stands at -128 then. */
const rectifiedSpread = 72;
/** Real value of a step before hard-swish, so that its bend at -3 … 3 matters. */
const hardSwishScale = 0.05;
/** Root mean square of `randomWeight`: of (b1 + b2) / 2 over bytes. */
const weightSpread = 52;

/**
 * Networks with seeded weights, whose scales follow from fan-in and expected spreads, so that values use
 * the range of int8 without saturating at every depth. They stand for shapes; they were never trained.
 */
export class NetworkBuilder {
  readonly #name: string;
  readonly #random: () => number;
  readonly #layers: Layer[] = [];
  readonly #inputs: FeatureMap[] = [];
  #maps = 0;

  constructor(name: string, seed: number) {
    this.#name = name;
    this.#random = seededRandom(seed);
  }

  /** An input of uniform random int8 is expected. */
  input(size: { channels: number; rows: number; columns: number }): Values {
    const map = this.#map('input', size);
    this.#inputs.push(map);
    return { map, scale: 0.02, zeroPoint: this.#smallZeroPoint(), spread: 74 };
  }

  /** Convolution with per-channel scales; padding keeps the size (at a stride of 1) unless given. */
  convolution(input: Values, options: ConvolutionOptions): Values {
    const { channels, groups = 1, activation = 'linear' } = options;
    const window = windowOf(options);
    const map = this.#map('convolution', { channels, ...windowedSize(input.map, window) });
    const fanIn = (input.map.channels / groups) * window.kernelRows * window.kernelColumns;
    const isRectified = activation === 'relu' || activation === 'relu6';
    const target = isRectified ? rectifiedSpread : linearSpread;
    const sumSpread = Math.sqrt(fanIn) * weightSpread * input.spread;
    const before = {
      scale: activation === 'hard-swish' ? hardSwishScale : 0.015 + 0.01 * this.#uniform(),
      zeroPoint: isRectified ? -128 : this.#smallZeroPoint(),
      spread: target,
    };
    const mapped = activation === 'hard-swish' ? tableOf('hard-swish', before) : undefined;
    this.#layers.push({
      kind: 'convolution',
      name: map.name,
      input: input.map,
      output: map,
      window,
      groups,
      weights: this.#weights(channels * fanIn),
      bias: Int32Array.from({ length: channels }, () => sumSpread * (this.#uniform() - 0.5)),
      scales: Float32Array.from({ length: channels }, () => (target / sumSpread) * this.#factor()),
      inputZeroPoint: input.zeroPoint,
      outputZeroPoint: before.zeroPoint,
      minimum: -128,
      maximum: activation === 'relu6' ? before.zeroPoint + Math.round(2.4 * target) : 127,
      ...(mapped === undefined ? {} : { table: mapped.table }),
    });
    if (mapped !== undefined) return { map, ...mapped.values };
    return { map, ...before, spread: isRectified ? target / Math.SQRT2 : target };
  }

  /** A convolution of each channel by itself. */
  depthwise(input: Values, options: Omit<ConvolutionOptions, 'channels' | 'groups'>): Values {
    const { channels } = input.map;
    return this.convolution(input, { ...options, channels, groups: channels });
  }

  /** Average over windows: depthwise weights of 1. */
  average(input: Values, options: WindowOptions): Values {
    const window = windowOf(options);
    const { channels } = input.map;
    const taps = window.kernelRows * window.kernelColumns;
    const map = this.#map('average', { channels, ...windowedSize(input.map, window) });
    this.#layers.push({
      kind: 'convolution',
      name: map.name,
      input: input.map,
      output: map,
      window,
      groups: channels,
      weights: new Int8Array(channels * taps).fill(1),
      bias: new Int32Array(channels),
      scales: new Float32Array(channels).fill(1 / taps),
      inputZeroPoint: input.zeroPoint,
      outputZeroPoint: input.zeroPoint,
      minimum: -128,
      maximum: 127,
    });
    return { ...input, map };
  }

  /** Average over the whole map. */
  globalAverage(input: Values): Values {
    return this.average(input, { kernel: [input.map.rows, input.map.columns], pads: [0, 0, 0, 0] });
  }

  /** Maximum over windows. */
  maximumPool(input: Values, options: WindowOptions): Values {
    const window = windowOf(options);
    const size = windowedSize(input.map, window);
    const map = this.#map('maximum', { channels: input.map.channels, ...size });
    this.#layers.push({ kind: 'maximum-pool', name: map.name, input: input.map, output: map, window });
    return { ...input, map };
  }

  /** A function of each value. */
  table(input: Values, kind: Parameters<typeof tableOf>[0]): Values {
    const map = this.#map(kind, input.map);
    const { table, values } = tableOf(kind, input);
    this.#layers.push({ kind: 'table', name: map.name, input: input.map, output: map, table });
    return { map, ...values };
  }

  /** Sum of two maps, or of a map and a vector. */
  add(first: Values, second: Values, activation: PlainActivation = 'linear'): Values {
    const map = this.#map('add', first.map);
    const isRectified = activation === 'relu';
    const spread = isRectified ? rectifiedSpread : linearSpread;
    const real = Math.hypot(first.scale * first.spread, second.scale * second.spread);
    const wanted = {
      firstScale: Math.fround(first.scale),
      firstZeroPoint: first.zeroPoint,
      secondScale: Math.fround(second.scale),
      secondZeroPoint: second.zeroPoint,
      outputScale: Math.fround(real / spread),
      outputZeroPoint: isRectified ? rectifiedZeroPoint : this.#smallZeroPoint(),
    };
    const quantisation = { ...wanted, outputScale: nudgedOutputScale(wanted) };
    const terms = addTermsOf(quantisation);
    if (terms === undefined) throw new Error(`${map.name}: a nudged scale has terms`);
    this.#layers.push({
      kind: 'add',
      name: map.name,
      first: first.map,
      second: second.map,
      output: map,
      ...quantisation,
      ...terms,
      minimum: isRectified ? rectifiedZeroPoint : -128,
      maximum: 127,
    });
    return {
      map,
      scale: quantisation.outputScale,
      zeroPoint: quantisation.outputZeroPoint,
      spread: isRectified ? spread / Math.SQRT2 : spread,
    };
  }

  /** Product of two maps, or of a map and a vector. */
  multiply(first: Values, second: Values, activation: PlainActivation = 'linear'): Values {
    const isRectified = activation === 'relu';
    const map = this.#map('multiply', first.map);
    const scale = Math.fround(linearSpread / (first.spread * second.spread));
    const outputZeroPoint = isRectified ? rectifiedZeroPoint : this.#smallZeroPoint();
    this.#layers.push({
      kind: 'multiply',
      name: map.name,
      first: first.map,
      second: second.map,
      output: map,
      firstZeroPoint: first.zeroPoint,
      secondZeroPoint: second.zeroPoint,
      scale,
      outputZeroPoint,
      minimum: isRectified ? rectifiedZeroPoint : -128,
      maximum: 127,
    });
    return {
      map,
      scale: (first.scale * second.scale) / scale,
      zeroPoint: outputZeroPoint,
      spread: isRectified ? linearSpread / Math.SQRT2 : linearSpread,
    };
  }

  /** Nearest resize by whole factors. */
  resize(input: Values, rowFactor: number, columnFactor: number): Values {
    const { channels, rows, columns } = input.map;
    const size = { channels, rows: rows * rowFactor, columns: columns * columnFactor };
    const map = this.#map('resize', size);
    this.#layers.push({
      kind: 'resize',
      name: map.name,
      input: input.map,
      output: map,
      rowFactor,
      columnFactor,
    });
    return { ...input, map };
  }

  /** Rows and columns of zeros around a map: above, left, below, right. */
  pad(input: Values, pads: readonly [number, number, number, number]): Values {
    const [padTop, padLeft, padBottom, padRight] = pads;
    const { channels, rows, columns } = input.map;
    const size = { channels, rows: rows + padTop + padBottom, columns: columns + padLeft + padRight };
    const map = this.#map('pad', size);
    const sides = { padTop, padLeft, padBottom, padRight };
    const value = input.zeroPoint;
    this.#layers.push({ kind: 'pad', name: map.name, input: input.map, output: map, ...sides, value });
    return { ...input, map };
  }

  /** Channels of several maps one after the other; scale and zero point are taken from the first. */
  concat(inputs: readonly [Values, ...Values[]]): Values {
    const channels = inputs.reduce((sum, { map }) => sum + map.channels, 0);
    const map = this.#map('concat', { ...inputs[0].map, channels });
    const maps = inputs.map((input) => input.map);
    this.#layers.push({ kind: 'concat', name: map.name, inputs: maps, output: map });
    return { ...inputs[0], map };
  }

  /** Some channels of a map. */
  slice(input: Values, firstChannel: number, channels: number): Values {
    const map = this.#map('slice', { ...input.map, channels });
    this.#layers.push({ kind: 'slice', name: map.name, input: input.map, output: map, firstChannel });
    return { ...input, map };
  }

  /** The network with these outputs. */
  network(outputs: readonly Values[]): Network {
    return {
      name: this.#name,
      inputs: this.#inputs,
      outputs: outputs.map(({ map }) => map),
      layers: this.#layers,
    };
  }

  #map(kind: string, size: { channels: number; rows: number; columns: number }): FeatureMap {
    const { channels, rows, columns } = size;
    this.#maps += 1;
    return { name: `${kind}-${this.#maps}`, channels, rows, columns };
  }

  /** Near normal, -127 to 127. */
  #weights(count: number): Int8Array {
    const weights = new Int8Array(count);
    for (let index = 0; index < count; index += 1) {
      const bits = this.#random();
      weights[index] = Math.trunc(((bits >>> 24) + ((bits >>> 8) & 255) - 255) / 2);
    }
    return weights;
  }

  #uniform(): number {
    return this.#random() / 2 ** 32;
  }

  /** What makes one channel's scale differ from another's. */
  #factor(): number {
    return 0.75 + 0.5 * this.#uniform();
  }

  #smallZeroPoint(): number {
    return (this.#random() % 17) - 8;
  }
}
