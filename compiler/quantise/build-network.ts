import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import type {
  ActivationOperation,
  AveragePoolOperation,
  ConcatOperation,
  ConvolutionOperation,
  ElementwiseOperation,
  GlobalAverageOperation,
  ImportedMap,
  PadOperation,
  ShuffleOperation,
} from '../import/graph.ts';
import { argument, clampOf } from '../import/scalar-function.ts';
import type { FloatPart } from '../import/to-onnx.ts';
import { addTermsOf } from '../network/add-terms.ts';
import type { Clamp, FeatureMap, Layer, Network, Window } from '../network/network.ts';
import { pixelWindow } from '../network/pixel-window.ts';
import type { Quantisations } from './assign.ts';
import { factorZeroPoint, paddingFactors } from './padding-factors.ts';
import { isSameQuantisation, type Quantisation, quantise } from './quantisation.ts';
import type { Step } from './steps.ts';
import { tableOf } from './tables.ts';
import { combinedScales, type QuantisedWeights, quantiseWeights } from './weights.ts';

/** What the integer layers are made of. */
export interface BuildOptions {
  steps: readonly Step[];
  quantisations: Quantisations;
  /** Mean of each channel of a map, for the correction of biases; undefined leaves them as they are. */
  meansOf?: (map: ImportedMap) => Float64Array | undefined;
}

const whole: Clamp = { minimum: -128, maximum: 127 };
/**
 * The integer layers of a region whose maps have quantisations. Maps keep their names; those that only
 * exist between a layer and its table are gone. Throws `model_unsupported` for a given sum that the NPU's
 * terms do not express.
 */
export function buildNetwork(part: FloatPart, options: BuildOptions): Network {
  const builder = new LayerBuilder(options);
  for (const step of options.steps) builder.append(step);
  return {
    name: part.name,
    inputs: part.inputs.map(featureMapOf),
    outputs: part.outputs.map(featureMapOf),
    layers: builder.layers,
  };
}

class LayerBuilder {
  readonly layers: Layer[] = [];
  readonly #options: BuildOptions;

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  append(step: Step): void {
    const { operation } = step;
    switch (operation.kind) {
      case 'convolution':
        this.#convolution(step, operation);
        return;
      case 'average-pool':
        if (operation.excludesPadding) this.#averageInside(step, operation);
        else this.#average(step, { operation, window: operation.window });
        return;
      case 'global-average': {
        const { rows, columns } = operation.input;
        this.#average(step, {
          operation,
          window: { ...pixelWindow, kernelRows: rows, kernelColumns: columns },
        });
        return;
      }
      case 'activation':
        this.#activation(operation);
        return;
      case 'add':
        this.#add(step, operation);
        return;
      case 'multiply':
        this.#multiply(step, operation);
        return;
      case 'concat':
        this.#concat(operation);
        return;
      case 'pad':
        this.#pad(operation);
        return;
      case 'shuffle':
        this.#shuffle(operation);
        return;
      default:
        this.#move(
          operation.output,
          operation.input,
          (input, output) => ({ ...plain(operation), input, output }) as Layer,
        );
    }
  }

  #convolution(step: Step, operation: ConvolutionOperation): void {
    const { input, window, groups } = operation;
    const inputMeans = this.#options.meansOf?.(input);
    const constants = quantiseWeights(operation, {
      input: this.#of(input),
      output: this.#resultOf(step),
      ...(inputMeans === undefined ? {} : { inputMeans }),
    });
    this.#pushConvolution(step, { input, window, groups, constants });
  }

  /** A depthwise convolution of ones, whose scale divides by the number of taps. */
  #average(
    step: Step,
    { operation, window }: { operation: AveragePoolOperation | GlobalAverageOperation; window: Window },
  ): void {
    const { input } = operation;
    const constants = this.#averageConstants(window, { input, output: this.#resultOf(step) });
    this.#pushConvolution(step, { input, window, groups: input.channels, constants });
  }

  #averageConstants(
    { kernelRows, kernelColumns }: Window,
    { input, output }: { input: ImportedMap; output: Quantisation },
  ): QuantisedWeights {
    const taps = kernelRows * kernelColumns;
    return {
      weights: new Int8Array(input.channels * taps).fill(1),
      bias: new Int32Array(input.channels),
      scales: combinedScales(new Float32Array(input.channels).fill(1 / taps), {
        input: this.#of(input).scale,
        output: output.scale,
      }),
    };
  }

  /** The average that counts padding, then what it is short of at each place: where nothing is, nothing changes. */
  #averageInside(step: Step, operation: AveragePoolOperation): void {
    const { name, input, window } = operation;
    const quantisation = this.#resultOf(step);
    const output = featureMapOf(step.output);
    const first = { ...output, name: `${output.name}//padded` };
    const { layers, factors, scale } = paddingFactors({ name, input: featureMapOf(input), output, window });
    this.layers.push(
      {
        kind: 'convolution',
        name,
        input: featureMapOf(input),
        output: first,
        window,
        groups: input.channels,
        ...this.#averageConstants(window, { input, output: quantisation }),
        inputZeroPoint: this.#of(input).zeroPoint,
        outputZeroPoint: quantisation.zeroPoint,
        ...whole,
      },
      ...layers,
      {
        kind: 'multiply',
        name,
        first,
        second: factors,
        output,
        firstZeroPoint: quantisation.zeroPoint,
        secondZeroPoint: factorZeroPoint,
        scale,
        outputZeroPoint: quantisation.zeroPoint,
        ...this.#clampOf(step),
      },
    );
  }

  #pushConvolution(
    step: Step,
    {
      input,
      window,
      groups,
      constants,
    }: { input: ImportedMap; window: Window; groups: number; constants: QuantisedWeights },
  ): void {
    const { operation, fused, output } = step;
    const result = this.#resultOf(step);
    const table =
      fused?.how === 'table'
        ? tableOf(fused.activation.scalar, { input: result, output: this.#of(output) })
        : undefined;
    this.layers.push({
      kind: 'convolution',
      name: operation.name,
      input: featureMapOf(input),
      output: featureMapOf(output),
      window,
      groups,
      ...constants,
      inputZeroPoint: this.#of(input).zeroPoint,
      outputZeroPoint: result.zeroPoint,
      ...this.#clampOf(step),
      ...(table === undefined ? {} : { table }),
    });
  }

  #activation({ name, scalar, input, output }: ActivationOperation): void {
    const table = tableOf(scalar, { input: this.#of(input), output: this.#of(output) });
    this.layers.push({
      kind: 'table',
      name,
      input: featureMapOf(input),
      output: featureMapOf(output),
      table,
    });
  }

  #add(step: Step, { name, first, second }: ElementwiseOperation): void {
    const [one, other, result] = [this.#of(first), this.#of(second), this.#of(step.output)];
    const quantisation = {
      firstScale: one.scale,
      firstZeroPoint: one.zeroPoint,
      secondScale: other.scale,
      secondZeroPoint: other.zeroPoint,
      outputScale: result.scale,
      outputZeroPoint: result.zeroPoint,
    };
    const terms = addTermsOf(quantisation);
    if (terms === undefined) {
      throw new SluiceError(
        'model_unsupported',
        `operation ${quoted(name)} (Add): its scales ${one.scale}, ${other.scale} and ${result.scale} make ties that float32 rounds either way; leave it to the CPU`,
      );
    }
    const maps = {
      first: featureMapOf(first),
      second: featureMapOf(second),
      output: featureMapOf(step.output),
    };
    this.layers.push({ kind: 'add', name, ...maps, ...quantisation, ...terms, ...this.#clampOf(step) });
  }

  #multiply(step: Step, { name, first, second }: ElementwiseOperation): void {
    const [one, other, result] = [this.#of(first), this.#of(second), this.#of(step.output)];
    this.layers.push({
      kind: 'multiply',
      name,
      first: featureMapOf(first),
      second: featureMapOf(second),
      output: featureMapOf(step.output),
      firstZeroPoint: one.zeroPoint,
      secondZeroPoint: other.zeroPoint,
      scale: Math.fround(Math.fround(one.scale * other.scale) / result.scale),
      outputZeroPoint: result.zeroPoint,
      ...this.#clampOf(step),
    });
  }

  #concat({ name, inputs, output }: ConcatOperation): void {
    const maps = inputs.map((input, index) =>
      this.#withQuantisation(input, { wanted: this.#of(output), name: `${output.name}//part-${index}` }),
    );
    this.layers.push({ kind: 'concat', name, inputs: maps, output: featureMapOf(output) });
  }

  #pad({ name, input, output, value, padTop, padLeft, padBottom, padRight }: PadOperation): void {
    const quantisation = this.#of(output);
    const padded = this.#withQuantisation(input, { wanted: quantisation, name: `${output.name}//unpadded` });
    const pads = { padTop, padLeft, padBottom, padRight };
    const integer = quantise(value, quantisation);
    this.layers.push({
      kind: 'pad',
      name,
      input: padded,
      output: featureMapOf(output),
      ...pads,
      value: integer,
    });
  }

  /** A convolution of one pixel by zeros and ones: integers stay as they are. */
  #shuffle({ name, input, output, order }: ShuffleOperation): void {
    const { channels } = input;
    const { zeroPoint } = this.#of(input);
    const weights = new Int8Array(channels * channels);
    for (const [to, from] of order.entries()) weights[to * channels + from] = 1;
    this.#move(output, input, (before, after) => ({
      kind: 'convolution',
      name,
      input: before,
      output: after,
      window: pixelWindow,
      groups: 1,
      weights,
      bias: new Int32Array(channels),
      scales: new Float32Array(channels).fill(1),
      inputZeroPoint: zeroPoint,
      outputZeroPoint: zeroPoint,
      ...whole,
    }));
  }

  /** A layer that moves integers as they are; where the model wants others behind it, a table follows. */
  #move(
    output: ImportedMap,
    input: ImportedMap,
    layerOf: (input: FeatureMap, output: FeatureMap) => Layer,
  ): void {
    const [before, after] = [this.#of(input), this.#of(output)];
    if (isSameQuantisation(before, after)) {
      this.layers.push(layerOf(featureMapOf(input), featureMapOf(output)));
      return;
    }
    const moved = { ...featureMapOf(output), name: `${output.name}//moved` };
    this.layers.push(layerOf(featureMapOf(input), moved));
    const table = tableOf(argument, { input: before, output: after });
    this.layers.push({ kind: 'table', name: output.name, input: moved, output: featureMapOf(output), table });
  }

  #withQuantisation(map: ImportedMap, { wanted, name }: { wanted: Quantisation; name: string }): FeatureMap {
    const own = this.#of(map);
    if (isSameQuantisation(own, wanted)) return featureMapOf(map);
    const output = { ...featureMapOf(map), name };
    const table = tableOf(argument, { input: own, output: wanted });
    this.layers.push({ kind: 'table', name, input: featureMapOf(map), output, table });
    return output;
  }

  /** What the sums of a step are rounded to: its output's integers, unless a table stands between. */
  #resultOf({ operation, fused, output }: Step): Quantisation {
    return this.#of(fused?.how === 'table' ? operation.output : output);
  }

  #clampOf({ fused, output }: Step): Clamp {
    const bounds = fused?.how === 'clamp' ? clampOf(fused.activation.scalar) : undefined;
    if (bounds === undefined) return whole;
    const quantisation = this.#of(output);
    return {
      minimum: quantise(bounds.minimum, quantisation),
      maximum: quantise(bounds.maximum, quantisation),
    };
  }

  #of(map: ImportedMap): Quantisation {
    const quantisation = this.#options.quantisations.get(map.name);
    if (quantisation === undefined) throw new TypeError(`map ${map.name} has no quantisation`);
    return quantisation;
  }
}

function plain<T extends { nodes: unknown }>(operation: T): Omit<T, 'nodes'> {
  const { nodes: _, ...rest } = operation;
  return rest;
}

function featureMapOf({ name, channels, rows, columns }: FeatureMap): FeatureMap {
  return { name, channels, rows, columns };
}
