import {
  type ActivationOperation,
  type ConvolutionOperation,
  type ImportedMap,
  type ImportedOperation,
  inputsOf,
  type ShuffleOperation,
} from './graph.ts';

/**
 * Shuffles that cost nothing: into the weights of the one convolution over all channels that gives or reads
 * them, activations between included. The others stay operations.
 */
export function foldShuffles(
  operations: readonly ImportedOperation[],
  isNeeded: (map: ImportedMap) => boolean,
): ImportedOperation[] {
  let current = [...operations];
  for (const operation of operations) {
    if (operation.kind !== 'shuffle') continue;
    const graph = new Neighbours(current, isNeeded);
    const replaced = foldBackwards(operation, graph) ?? foldForwards(operation, graph);
    if (replaced !== undefined) current = current.flatMap((each) => replaced.get(each) ?? [each]);
  }
  return current;
}

/** What takes the place of operations; an empty list removes one. */
type Replacements = ReadonlyMap<ImportedOperation, readonly ImportedOperation[]>;

class Neighbours {
  readonly #producers: ReadonlyMap<ImportedMap, ImportedOperation>;
  readonly #readers = new Map<ImportedMap, ImportedOperation[]>();
  readonly #isNeeded: (map: ImportedMap) => boolean;

  constructor(operations: readonly ImportedOperation[], isNeeded: (map: ImportedMap) => boolean) {
    this.#isNeeded = isNeeded;
    this.#producers = new Map(operations.map((operation) => [operation.output, operation]));
    for (const operation of operations) {
      for (const input of inputsOf(operation)) {
        this.#readers.set(input, [...(this.#readers.get(input) ?? []), operation]);
      }
    }
  }

  /** What gives a map that nothing else needs. */
  soleProducer(map: ImportedMap): ImportedOperation | undefined {
    return this.soleReader(map) === undefined ? undefined : this.#producers.get(map);
  }

  /** What alone needs a map. */
  soleReader(map: ImportedMap): ImportedOperation | undefined {
    const [reader, ...others] = this.#readers.get(map) ?? [];
    return others.length > 0 || this.#isNeeded(map) ? undefined : reader;
  }
}

/** The convolution before gives its channels in the shuffle's order. */
function foldBackwards(shuffle: ShuffleOperation, graph: Neighbours): Replacements | undefined {
  const between: ActivationOperation[] = [];
  let producer = graph.soleProducer(shuffle.input);
  while (producer?.kind === 'activation') {
    between.unshift(producer);
    producer = graph.soleProducer(producer.input);
  }
  if (producer?.kind !== 'convolution' || producer.groups !== 1) return undefined;
  const chain = rewired([producer, ...between], { output: shuffle.output, shuffle });
  const [first, ...others] = chain;
  const convolution = withOutputs(producer, { ...shuffle, output: first?.output ?? shuffle.output });
  return new Map<ImportedOperation, readonly ImportedOperation[]>([
    [producer, [convolution]],
    ...between.map((each, index) => [each, others.slice(index, index + 1)] as const),
    [shuffle, []],
  ]);
}

/** The convolution behind takes its channels in the order from before the shuffle. */
function foldForwards(shuffle: ShuffleOperation, graph: Neighbours): Replacements | undefined {
  const between: ActivationOperation[] = [];
  let reader = graph.soleReader(shuffle.output);
  while (reader?.kind === 'activation') {
    between.push(reader);
    reader = graph.soleReader(reader.output);
  }
  if (reader?.kind !== 'convolution' || reader.groups !== 1) return undefined;
  // Given weights may belong to a scale that the model gives behind the shuffle alone.
  if (shuffle.output.quantisation !== undefined && shuffle.input.quantisation === undefined) return undefined;
  const chain = rewired(between, { input: shuffle.input, shuffle });
  const input = chain.at(-1)?.output ?? shuffle.input;
  return new Map<ImportedOperation, readonly ImportedOperation[]>([
    [shuffle, []],
    ...between.map((each, index) => [each, chain.slice(index, index + 1)] as const),
    [reader, [withInputs(reader, { ...shuffle, input })]],
  ]);
}

/** A chain over channels in another order: its maps are no tensors of the model any more, but for a given last one. */
function rewired<T extends ConvolutionOperation | ActivationOperation>(
  chain: readonly T[],
  ends: { input?: ImportedMap; output?: ImportedMap; shuffle: ShuffleOperation },
): T[] {
  let before = ends.input;
  return chain.map((operation, index) => {
    const isLast = index === chain.length - 1;
    const name = `${operation.output.name}//of-${ends.shuffle.output.name}`;
    const inner = { ...operation.output, name, tensors: [] };
    const output = isLast ? (ends.output ?? inner) : inner;
    const result = { ...operation, input: before ?? operation.input, output };
    before = output;
    return result;
  });
}

function withOutputs(
  convolution: ConvolutionOperation,
  { order, output, nodes }: Pick<ShuffleOperation, 'order' | 'output' | 'nodes'>,
): ConvolutionOperation {
  const { weights, bias, given } = convolution;
  const perOutput = weights.length / order.length;
  const list = <T extends Numbers>(values: T): T =>
    values.map((_, index) => values[order[index] ?? 0] ?? 0) as T;
  const stack = <T extends Numbers>(values: T): T =>
    values.map((_, index) => {
      const source = order[Math.floor(index / perOutput)] ?? 0;
      return values[source * perOutput + (index % perOutput)] ?? 0;
    }) as T;
  return {
    ...convolution,
    output,
    nodes: [...convolution.nodes, ...nodes],
    weights: stack(weights),
    bias: list(bias),
    ...(given === undefined
      ? {}
      : {
          given: {
            integers: stack(given.integers),
            scales: list(given.scales),
            ...(given.biasIntegers === undefined ? {} : { biasIntegers: list(given.biasIntegers) }),
          },
        }),
  };
}

function withInputs(
  convolution: ConvolutionOperation,
  { order, input, nodes }: Pick<ShuffleOperation, 'order' | 'input' | 'nodes'>,
): ConvolutionOperation {
  const { window, weights, given } = convolution;
  const taps = window.kernelRows * window.kernelColumns;
  const channels = order.length;
  const stack = <T extends Numbers>(values: T): T => {
    const result = values.slice() as T;
    for (const [index, value] of values.entries()) {
      const place = Math.floor(index / taps);
      const output = Math.floor(place / channels);
      const channel = order[place % channels] ?? 0;
      result[(output * channels + channel) * taps + (index % taps)] = value;
    }
    return result;
  };
  return {
    ...convolution,
    input,
    nodes: [...nodes, ...convolution.nodes],
    weights: stack(weights),
    ...(given === undefined ? {} : { given: { ...given, integers: stack(given.integers) } }),
  };
}

type Numbers = Float32Array | Int8Array | Int32Array;
