import type { FeatureMap } from '../network/network.ts';
import { elementType } from '../onnx/element-types.ts';
import type { OnnxNode } from '../onnx/model.ts';
import { type Axes, sameAxes, sizesOf } from './axes.ts';
import { describeFacts, type FactTable, type StaticModel, type TensorFacts } from './facts.ts';
import type { GivenQuantisation, HostNode, ImportedMap, ImportedOperation } from './graph.ts';
import { argument, type ScalarFunction } from './scalar-function.ts';
import { sourceAxes } from './source-axes.ts';

/** A node is left to ONNX Runtime: the reason says why. Caught by the driver, never shown to a caller. */
export class Declined extends Error {}

/** Leaves the node to ONNX Runtime. */
export function decline(reason: string): never {
  throw new Declined(reason);
}

/** What a tensor holds: a scalar function of every element of a map. */
export interface Value {
  map: ImportedMap;
  scalar: ScalarFunction;
  axes: Axes;
  shape: readonly number[];
  /** Whether it holds the integers of the quantisation. */
  isInteger: boolean;
  /** Nodes that the function came from. */
  nodes: readonly OnnxNode[];
}

/** An operation without the fields that every operation has. */
export type OperationBody = ImportedOperation extends infer Each
  ? Each extends ImportedOperation
    ? Omit<Each, 'name' | 'output' | 'nodes'>
    : never
  : never;

/** The imported graph under construction. */
export class GraphBuilder {
  readonly model: StaticModel;
  readonly facts: FactTable;
  readonly operations: ImportedOperation[] = [];
  readonly sources: ImportedMap[] = [];
  readonly hostNodes: HostNode[] = [];
  /** Tensors that host nodes read. */
  readonly hostReads = new Set<string>();
  readonly #skipped = new Set<OnnxNode>();
  readonly #readers: ReadonlyMap<string, readonly OnnxNode[]>;
  readonly #graphOutputs: ReadonlySet<string>;
  readonly #values = new Map<string, Value>();

  constructor(model: StaticModel) {
    this.model = model;
    this.facts = model.facts;
    this.#readers = readersOf(model.nodes);
    this.#graphOutputs = new Set(model.model.graph.outputs.map(({ name }) => name));
  }

  /** Says that the work of nodes is done: an operation was made of several. */
  skip(nodes: readonly OnnxNode[]): void {
    for (const node of nodes) this.#skipped.add(node);
  }

  /** Whether a node's work is done already. */
  isSkipped(node: OnnxNode): boolean {
    return this.#skipped.has(node);
  }

  /** Nodes that read a tensor. */
  readersOf(name: string): readonly OnnxNode[] {
    return this.#readers.get(name) ?? [];
  }

  /** Whether the tensor is an output of the model. */
  isGraphOutput(name: string): boolean {
    return this.#graphOutputs.has(name);
  }

  /** The value of a node's input; a tensor that nothing here computes becomes a source. Declines what is no map. */
  value(node: OnnxNode, index: number): Value {
    const name = node.inputs[index] ?? '';
    if (name === '') decline(`its input ${index} is left out`);
    return this.#values.get(name) ?? this.#createSource(name, undefined);
  }

  /** The value of a tensor that an operation computes, if one does. */
  computed(name: string): Value | undefined {
    return this.#values.get(name);
  }

  /** The map that a node's input holds in the wanted axes, computed now if it was put off. */
  map(node: OnnxNode, index: number, wanted: Axes): ImportedMap {
    const name = node.inputs[index] ?? '';
    const value = this.value(node, index);
    if (sameAxes(value.map, value.axes, wanted)) return this.materialise(name);
    if (this.sources.includes(value.map) && value.scalar === argument && !value.isInteger) {
      return this.#createSource(name, wanted).map;
    }
    return decline(`the axes of its input [${value.shape}] hold ${describeAxes(value.axes)} of a map`);
  }

  /** Computes a value that was put off; gives its map. */
  materialise(name: string): ImportedMap {
    const value = this.#values.get(name);
    if (value === undefined) throw new TypeError(`nothing is known of ${name}`);
    if (value.scalar === argument) return value.map;
    const { map, scalar, axes, shape, isInteger, nodes } = value;
    const quantisation = isInteger ? map.quantisation : undefined;
    const output = newMap(name, { ...map, quantisation });
    this.operations.push({
      kind: 'activation',
      name: nameOf(nodes, name),
      input: map,
      scalar,
      output,
      nodes,
    });
    this.define(name, { map: output, scalar: argument, axes, shape, isInteger, nodes: [] });
    return output;
  }

  /** Says what a tensor holds. */
  define(name: string, value: Value): void {
    this.#values.set(name, value);
    if (value.scalar !== argument) return;
    const { map, axes, shape, isInteger } = value;
    map.tensors = [...map.tensors, { tensor: name, shape, axes, isInteger }];
  }

  /** Adds an operation whose output is the given tensor. */
  emit(
    node: OnnxNode,
    body: OperationBody,
    result: {
      tensor: string;
      sizes: Omit<FeatureMap, 'name'>;
      axes: Axes;
      quantisation?: GivenQuantisation | undefined;
      isInteger?: boolean;
      /** Other nodes whose work the operation does. */
      nodes?: readonly OnnxNode[];
    },
  ): ImportedMap {
    const { tensor, sizes, axes, quantisation, isInteger = false, nodes = [] } = result;
    const output = newMap(tensor, { ...sizes, quantisation });
    const name = nameOf([node], tensor);
    this.operations.push({ ...body, name, output, nodes: [...nodes, node] } as ImportedOperation);
    const shape = this.facts.all.get(tensor)?.shape ?? [];
    this.define(tensor, { map: output, scalar: argument, axes, shape, isInteger, nodes: [] });
    return output;
  }

  /** A map that is no tensor of the model: a step of an operation that takes several. */
  emitStep(
    node: OnnxNode,
    body: OperationBody,
    result: { tensor: string; sizes: Omit<FeatureMap, 'name'> },
  ): ImportedMap {
    const output = newMap(result.tensor, { ...result.sizes, quantisation: undefined });
    const name = nameOf([node], result.tensor);
    this.operations.push({ ...body, name, output, nodes: [node] } as ImportedOperation);
    return output;
  }

  #createSource(name: string, wanted: Axes | undefined): Value {
    const facts = this.facts.all.get(name);
    const shape = checkSource(facts);
    const axes = wanted ?? sourceAxes(name, { shape, builder: this });
    if (axes === undefined)
      decline(`its input [${shape}] has more than three dimensions besides a batch of 1`);
    const sizes = sizesOf(shape, axes);
    if (sizes.channels * sizes.rows * sizes.columns !== shape.reduce((product, size) => product * size, 1)) {
      decline(`its input has the shape [${shape}]; a batch of 1 is expected`);
    }
    // A tensor may enter in several orders; each is a map of its own.
    const isTaken = this.sources.some((source) => source.name === name);
    const map = newMap(isTaken ? `${name}//${this.sources.length}` : name, {
      ...sizes,
      quantisation: undefined,
    });
    this.sources.push(map);
    const value: Value = { map, scalar: argument, axes, shape, isInteger: false, nodes: [] };
    if (wanted === undefined) this.define(name, value);
    else map.tensors = [{ tensor: name, shape, axes, isInteger: false }];
    return value;
  }
}

function checkSource(facts: TensorFacts | undefined): readonly number[] {
  if (facts?.constant !== undefined) decline('an input that is constant would have to be computed');
  if (facts?.shape === undefined) decline('the shape of its input is not known');
  if (facts.elementType !== elementType.FLOAT) decline(`its input is ${describeFacts(facts)}, not FLOAT`);
  if (facts.shape.includes(0)) decline(`its input [${facts.shape}] is empty`);
  return facts.shape;
}

function newMap(
  name: string,
  {
    channels,
    rows,
    columns,
    quantisation,
  }: Omit<FeatureMap, 'name'> & { quantisation: GivenQuantisation | undefined },
): ImportedMap {
  const sizes = { name, channels, rows, columns, tensors: [] };
  return quantisation === undefined ? sizes : { ...sizes, quantisation };
}

/** The name of the last node that has one, else the tensor's. */
function nameOf(nodes: readonly OnnxNode[], tensor: string): string {
  return nodes.findLast(({ name }) => name !== '')?.name ?? tensor;
}

function readersOf(nodes: readonly OnnxNode[]): Map<string, OnnxNode[]> {
  const readers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const name of new Set(node.inputs)) {
      const list = readers.get(name);
      if (list === undefined) readers.set(name, [node]);
      else list.push(node);
    }
  }
  return readers;
}

function describeAxes(axes: Axes): string {
  return `[${axes.map((directions) => directions.join('*') || '1')}]`;
}
