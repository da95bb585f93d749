import { elementType } from '../onnx/element-types.ts';
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue } from '../onnx/model.ts';
import { writeModel } from '../onnx/write-model.ts';
import type { FeatureMap, Network } from './network.ts';

const opset = 14;
const irVersion = 8;

/** A node to append: its operator, what it reads, and its attributes. */
export interface NodeOptions {
  inputs: readonly string[];
  output: string;
  attributes?: Record<string, OnnxAttribute>;
}

/** Nodes and constants of an ONNX model under construction, in order. */
export class CanonicalGraph {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, OnnxTensor>();

  /** Appends a node and gives its output's name. */
  node(operator: string, options: NodeOptions): string {
    this.#nodes.push({
      name: options.output,
      operator,
      domain: '',
      inputs: options.inputs,
      outputs: [options.output],
      attributes: new Map(Object.entries(options.attributes ?? {})),
    });
    return options.output;
  }

  /** Adds a constant and gives its name: a list unless it has a shape, of which [] is a scalar. */
  constant(name: string, values: Elements, shape: readonly number[] = [values.length]): string {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#constants.set(name, { name, elementType: elementTypeOf(values), shape, data });
    return name;
  }

  /** The whole as a file. */
  write(network: Network): Uint8Array {
    return writeModel({
      irVersion,
      opsets: new Map([['', opset]]),
      graph: {
        name: network.name,
        nodes: this.#nodes,
        initialisers: this.#constants,
        inputs: network.inputs.map(graphValueOf),
        outputs: network.outputs.map(graphValueOf),
      },
    });
  }
}

type Elements = Int8Array | Int32Array | Float32Array | BigInt64Array;

function elementTypeOf(values: Elements): number {
  if (values instanceof Int8Array) return elementType.INT8;
  if (values instanceof Int32Array) return elementType.INT32;
  return values instanceof Float32Array ? elementType.FLOAT : elementType.INT64;
}

function graphValueOf({ name, channels, rows, columns }: FeatureMap): OnnxValue {
  return { name, elementType: elementType.INT8, shape: [-1, channels, rows, columns] };
}
