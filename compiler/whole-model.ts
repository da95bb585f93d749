import type { Boundary } from './import/boundaries.ts';
import { canonicalModelOf } from './network/canonical-model.ts';
import type { Network } from './network/network.ts';
import { lowerOpset, oldestOpset, raiseToOldest } from './older-operators.ts';
import { elementType } from './onnx/element-types.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor } from './onnx/model.ts';
import { readModel } from './onnx/read-model.ts';
import type { Quantisation } from './quantise/quantisation.ts';

/** A tensor where data goes from host to NPU or back, with what its integers mean. */
export interface QuantisedBoundary {
  boundary: Boundary;
  quantisation: Quantisation;
}

/** The parts that make up a compiled model. */
export interface ModelParts {
  /** The model with its inputs and outputs as they are served. */
  model: OnnxModel;
  head?: OnnxModel;
  tail?: OnnxModel;
  network: Network;
  inputs: readonly QuantisedBoundary[];
  outputs: readonly QuantisedBoundary[];
}

/** What a canonical model has at least: int8 Clip and MaxPool came with operator set 12, IR 8 knows it. */
const ownOpset = 14;
const irVersionMin = 8;

/**
 * The canonical model of the whole: the head's nodes, QuantizeLinear, the network's integer nodes,
 * DequantizeLinear, the tail's nodes. It computes what head, program and tail compute, to the bit, as long as
 * ONNX Runtime does not fuse it (RuntimeModel.load with `fusesQuantisation: false`).
 */
export function wholeModelOf(parts: ModelParts): OnnxModel {
  const { model, head, tail, network, inputs, outputs } = parts;
  const hasHostNodes = head !== undefined || tail !== undefined;
  const given = model.opsets.get('') ?? ownOpset;
  const opset = hasHostNodes ? Math.max(given, oldestOpset) : ownOpset;
  const region = renamed(readModel(canonicalModelOf(network)), prefixFor(model, [head, tail]));
  const graph = new PartWriter();
  const host = (part: OnnxModel | undefined): void => {
    if (part === undefined) return;
    const raised = given < oldestOpset ? raiseToOldest(part.graph.nodes) : undefined;
    graph.addAll(raised?.nodes ?? part.graph.nodes);
    for (const tensor of [...part.graph.initialisers.values(), ...(raised?.constants ?? [])])
      graph.keep(tensor);
  };
  host(head);
  for (const { boundary, quantisation } of inputs) {
    const name = region.rename(boundary.map.name);
    graph.quantise(boundary.tensor, { to: `${name}//integers`, quantisation });
    const { channels, rows, columns } = boundary.map;
    graph.reshape(`${name}//integers`, { to: name, shape: [-1, channels, rows, columns] });
  }
  const { nodes, initialisers } = region.model.graph;
  graph.addAll(lowerOpset(nodes, { opset, constants: initialisers }));
  for (const tensor of initialisers.values()) graph.keep(tensor);
  for (const { boundary, quantisation } of outputs) {
    const name = region.rename(boundary.map.name);
    const { tensor, shape } = boundary;
    graph.dequantise(name, { to: `${name}//leaving`, quantisation });
    graph.reshape(`${name}//leaving`, {
      to: tensor,
      shape: shape[0] === 1 ? [-1, ...shape.slice(1)] : shape,
    });
  }
  host(tail);
  const opsets = hasHostNodes ? new Map(model.opsets) : new Map<string, number>();
  return {
    irVersion: Math.max(model.irVersion, irVersionMin),
    opsets: opsets.set('', opset),
    graph: { ...model.graph, nodes: graph.nodes, initialisers: graph.initialisers },
  };
}

/** A beginning that no tensor of the parts' names has. */
function prefixFor(model: OnnxModel, parts: readonly (OnnxModel | undefined)[]): string {
  const names = [model, ...parts].flatMap((part) =>
    part === undefined
      ? []
      : [
          ...part.graph.inputs.map(({ name }) => name),
          ...part.graph.initialisers.keys(),
          ...part.graph.nodes.flatMap(({ outputs }) => outputs),
        ],
  );
  let prefix = 'npu:';
  while (names.some((name) => name.startsWith(prefix))) prefix = `:${prefix}`;
  return prefix;
}

function renamed(model: OnnxModel, prefix: string) {
  const rename = (name: string): string => (name === '' ? '' : `${prefix}${name}`);
  const nodes = model.graph.nodes.map((node) => ({
    ...node,
    name: rename(node.name),
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  const initialisers = new Map(
    [...model.graph.initialisers].map(([name, tensor]) => [rename(name), { ...tensor, name: rename(name) }]),
  );
  return { rename, model: { ...model, graph: { ...model.graph, nodes, initialisers } } };
}

/** Nodes in order; what head and tail both compute stands once. */
class PartWriter {
  readonly nodes: OnnxNode[] = [];
  readonly initialisers = new Map<string, OnnxTensor>();
  readonly #given = new Set<string>();

  addAll(nodes: readonly OnnxNode[]): void {
    for (const node of nodes) {
      const outputs = node.outputs.filter((name) => name !== '');
      if (outputs.length > 0 && outputs.every((name) => this.#given.has(name))) continue;
      for (const name of outputs) this.#given.add(name);
      this.nodes.push(node);
    }
  }

  keep(tensor: OnnxTensor): void {
    this.initialisers.set(tensor.name, tensor);
  }

  quantise(from: string, options: { to: string; quantisation: Quantisation }): void {
    this.#convert('QuantizeLinear', { from, ...options });
  }

  dequantise(from: string, options: { to: string; quantisation: Quantisation }): void {
    this.#convert('DequantizeLinear', { from, ...options });
  }

  reshape(from: string, { to, shape }: { to: string; shape: readonly number[] }): void {
    const sizes = BigInt64Array.from(shape, BigInt);
    const data = new Uint8Array(sizes.buffer);
    this.keep({ name: `${to}//npu-shape`, elementType: elementType.INT64, shape: [shape.length], data });
    this.#node('Reshape', { inputs: [from, `${to}//npu-shape`], output: to });
  }

  #convert(
    operator: 'QuantizeLinear' | 'DequantizeLinear',
    { from, to, quantisation }: { from: string; to: string; quantisation: Quantisation },
  ): void {
    const { scale, zeroPoint } = quantisation;
    const scalar = (name: string, type: number, values: Float32Array | Int8Array): string => {
      const data = new Uint8Array(values.buffer);
      this.keep({ name: `${to}//${name}`, elementType: type, shape: [], data });
      return `${to}//${name}`;
    };
    const inputs = [
      from,
      scalar('scale', elementType.FLOAT, Float32Array.of(scale)),
      scalar('zero-point', elementType.INT8, Int8Array.of(zeroPoint)),
    ];
    this.#node(operator, { inputs, output: to });
  }

  #node(operator: string, { inputs, output }: { inputs: string[]; output: string }): void {
    const attributes = new Map<string, OnnxAttribute>();
    this.addAll([{ name: output, operator, domain: '', inputs, outputs: [output], attributes }]);
  }
}
