import type { Window } from '../network/network.ts';
import {
  type AveragePoolOperation,
  type ConvolutionOperation,
  type ImportedMap,
  type ImportedOperation,
  inputsOf,
  type MaximumPoolOperation,
  type PadOperation,
} from './graph.ts';
import { affineOf, clampOf } from './scalar-function.ts';

/** scale * x + shift of each channel. */
interface Affine {
  scale: Float64Array;
  shift: Float64Array;
}

type Fold = (
  producer: ImportedOperation,
  consumer: ImportedOperation,
  graph: Folder,
) => ImportedOperation | undefined;

/**
 * Folds what costs nothing elsewhere: factors and sums of each channel (batch normalisation) into the
 * convolution before or behind, a Pad into the window behind. Removes what nothing needs.
 */
export function foldOperations(
  operations: readonly ImportedOperation[],
  isNeeded: (map: ImportedMap) => boolean,
): ImportedOperation[] {
  const folder = new Folder(operations, isNeeded);
  // Backwards folding first: a batch normalisation between two convolutions belongs to the first.
  for (const fold of [affineIntoConvolution, convolutionTakesAffine, windowTakesPad]) folder.run(fold);
  return folder.alive();
}

class Folder {
  #operations: ImportedOperation[];
  readonly #isNeeded: (map: ImportedMap) => boolean;

  constructor(operations: readonly ImportedOperation[], isNeeded: (map: ImportedMap) => boolean) {
    this.#operations = [...operations];
    this.#isNeeded = isNeeded;
  }

  /** Replaces producer and consumer by one operation wherever the rule gives one. */
  run(fold: Fold): void {
    const producers = new Map(this.#operations.map((operation) => [operation.output, operation]));
    const readers = this.#readerCounts();
    const gone = new Set<ImportedOperation>();
    const result: ImportedOperation[] = [];
    for (const operation of this.#operations) {
      let current = operation;
      for (;;) {
        const [input, ...others] = inputsOf(current);
        const producer = input === undefined ? undefined : producers.get(input);
        const isSole = input !== undefined && readers.get(input) === 1 && !this.#isNeeded(input);
        if (producer === undefined || !isSole || others.length > 0) break;
        const folded = fold(producer, current, this);
        if (folded === undefined) break;
        gone.add(producer);
        current = folded;
      }
      producers.set(current.output, current);
      result.push(current);
    }
    this.#operations = result.filter((operation) => !gone.has(operation));
  }

  /** Operations that something needs, in order. */
  alive(): ImportedOperation[] {
    const needed = new Set<ImportedMap>();
    const kept = this.#operations.toReversed().filter((operation) => {
      if (!needed.has(operation.output) && !this.#isNeeded(operation.output)) return false;
      for (const input of inputsOf(operation)) needed.add(input);
      return true;
    });
    return kept.reverse();
  }

  /** The operation that gives a map, if one does. */
  producerOf(map: ImportedMap): ImportedOperation | undefined {
    return this.#operations.find(({ output }) => output === map);
  }

  #readerCounts(): Map<ImportedMap, number> {
    const counts = new Map<ImportedMap, number>();
    for (const input of this.#operations.flatMap(inputsOf)) counts.set(input, (counts.get(input) ?? 0) + 1);
    return counts;
  }
}

/** What an operation does when it is no more than a factor and a sum for each channel. */
function affineOfOperation(operation: ImportedOperation): Affine | undefined {
  if (operation.kind === 'activation') {
    const affine = affineOf(operation.scalar);
    const { channels } = operation.input;
    if (affine === undefined) return undefined;
    return {
      scale: new Float64Array(channels).fill(affine.scale),
      shift: new Float64Array(channels).fill(affine.shift),
    };
  }
  if (operation.kind !== 'convolution' || operation.given !== undefined) return undefined;
  const { channels } = operation.input;
  const isPerChannel = operation.groups === channels && operation.weights.length === channels;
  if (!isPerChannel || isStriding(operation.window)) return undefined;
  return { scale: Float64Array.from(operation.weights), shift: Float64Array.from(operation.bias) };
}

function isStriding(window: Window): boolean {
  return window.strideRows > 1 || window.strideColumns > 1 || isPadded(window);
}

function isPadded({ padTop, padLeft, padBottom, padRight }: Window): boolean {
  return padTop + padLeft + padBottom + padRight > 0;
}

/** Convolution, then a factor and a sum: the weights of each output take the factor. */
function affineIntoConvolution(
  producer: ImportedOperation,
  consumer: ImportedOperation,
): ImportedOperation | undefined {
  const affine = affineOfOperation(consumer);
  if (producer.kind !== 'convolution' || affine === undefined) return undefined;
  if (producer.output.quantisation !== undefined) return undefined;
  const { scale, shift } = affine;
  const { given, ...rest } = producer;
  const isIdentity = scale.every((value) => value === 1) && shift.every((value) => value === 0);
  const perOutput = producer.weights.length / scale.length;
  return {
    ...rest,
    ...(isIdentity && given !== undefined ? { given } : {}),
    output: consumer.output,
    nodes: [...producer.nodes, ...consumer.nodes],
    weights: producer.weights.map((weight, index) => weight * (scale[Math.floor(index / perOutput)] ?? 0)),
    bias: producer.bias.map((bias, output) => bias * (scale[output] ?? 0) + (shift[output] ?? 0)),
  };
}

/** A factor and a sum, then a convolution: its weights take the factor, and without padding its bias the sum. */
function convolutionTakesAffine(
  producer: ImportedOperation,
  consumer: ImportedOperation,
): ConvolutionOperation | undefined {
  if (consumer.kind !== 'convolution' || producer.output.quantisation !== undefined) return undefined;
  const affine = affineOfOperation(producer);
  const [input] = inputsOf(producer);
  if (affine === undefined || input === undefined) return undefined;
  const { scale, shift } = affine;
  if (isPadded(consumer.window) && shift.some((value) => value !== 0)) return undefined;
  const { given, ...rest } = consumer;
  const { window, groups, output } = consumer;
  const taps = window.kernelRows * window.kernelColumns;
  const perGroup = consumer.input.channels / groups;
  const outputsPerGroup = output.channels / groups;
  const sums = Float64Array.from(consumer.bias);
  const weights = consumer.weights.map((weight, index) => {
    const place = Math.floor(index / (taps * perGroup));
    const channel = Math.floor(place / outputsPerGroup) * perGroup + (Math.floor(index / taps) % perGroup);
    sums[place] = (sums[place] ?? 0) + weight * (shift[channel] ?? 0);
    return weight * (scale[channel] ?? 0);
  });
  const isIdentity = scale.every((value) => value === 1) && shift.every((value) => value === 0);
  return {
    ...rest,
    ...(isIdentity && given !== undefined ? { given } : {}),
    input,
    weights,
    bias: Float32Array.from(sums),
    nodes: [...producer.nodes, ...consumer.nodes],
  };
}

/** Pad, then a window: its padding grows, where what the Pad puts there is what the window reads anyway. */
function windowTakesPad(
  producer: ImportedOperation,
  consumer: ImportedOperation,
  graph: Folder,
): ImportedOperation | undefined {
  if (producer.kind !== 'pad') return undefined;
  if (
    consumer.kind !== 'convolution' &&
    consumer.kind !== 'average-pool' &&
    consumer.kind !== 'maximum-pool'
  ) {
    return undefined;
  }
  const isUnseen =
    consumer.kind === 'maximum-pool'
      ? neverWins(producer, graph) && alwaysSeesElements(producer, consumer)
      : producer.value === 0 && !(consumer.kind === 'average-pool' && consumer.excludesPadding);
  if (!isUnseen) return undefined;
  const window = widened(consumer.window, producer);
  const nodes = [...producer.nodes, ...consumer.nodes];
  return { ...consumer, input: producer.input, window, nodes } satisfies
    | ConvolutionOperation
    | AveragePoolOperation
    | MaximumPoolOperation;
}

function widened(window: Window, pad: PadOperation): Window {
  return {
    ...window,
    padTop: window.padTop + pad.padTop,
    padLeft: window.padLeft + pad.padLeft,
    padBottom: window.padBottom + pad.padBottom,
    padRight: window.padRight + pad.padRight,
  };
}

/** The least number of half precision: what hand-written pooling pads with is there or below, and no data is. */
const leastValue = -65504;

/** Whether no maximum comes from what the Pad puts around its input. */
function neverWins({ input, value }: PadOperation, graph: Folder): boolean {
  if (value <= leastValue) return true;
  const before = graph.producerOf(input);
  const bounds = before?.kind === 'activation' ? clampOf(before.scalar) : undefined;
  return bounds !== undefined && value <= bounds.minimum;
}

/** Whether every window holds an element of the Pad's input, whose rows and columns no dilation may jump over. */
function alwaysSeesElements(pad: PadOperation, { window }: MaximumPoolOperation): boolean {
  const { padTop, padLeft, padBottom, padRight } = widened(window, pad);
  return (
    Math.max(padTop, padBottom) < window.kernelRows &&
    Math.max(padLeft, padRight) < window.kernelColumns &&
    window.dilationRows <= pad.input.rows &&
    window.dilationColumns <= pad.input.columns
  );
}
