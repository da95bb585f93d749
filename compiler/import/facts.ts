import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import { elementType, elementTypeName } from '../onnx/element-types.ts';
import {
  describeNode,
  integersAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '../onnx/model.ts';
import { floatElements, int64Elements } from '../onnx/read-tensor.ts';

/** What is known of a tensor before anything runs. */
export interface TensorFacts {
  elementType: number | undefined;
  /** Undefined where an operator's rule is not known or its shape depends on data. */
  shape: readonly number[] | undefined;
  /** The value, when it depends on no graph input; its data is read. */
  constant?: OnnxTensor;
}

/** A model whose inputs have fixed shapes, with what follows from them. */
export interface StaticModel {
  /** Every operator set's version as in the file. */
  model: OnnxModel;
  /** Nodes that are left to run, QLinear operators spelled out as DequantizeLinear - operator - QuantizeLinear. */
  nodes: readonly OnnxNode[];
  /** The node of the file that a spelled-out node stands for; other nodes stand for themselves. */
  origins: ReadonlyMap<OnnxNode, OnnxNode>;
  facts: FactTable;
  /** Nodes that give a tensor; folded ones included. */
  producers: ReadonlyMap<string, OnnxNode>;
}

/** The facts that rules and translators ask for, by a node's input. */
export class FactTable {
  readonly opset: number;
  readonly #facts = new Map<string, TensorFacts>();

  constructor(opset: number) {
    this.opset = opset;
  }

  /** Everything known, by tensor. */
  get all(): ReadonlyMap<string, TensorFacts> {
    return this.#facts;
  }

  /** Records what is known of a tensor. */
  set(name: string, facts: TensorFacts): void {
    this.#facts.set(name, facts);
  }

  /** What is known of a node's input; undefined when it is left out. */
  input(node: OnnxNode, index: number): TensorFacts | undefined {
    const name = node.inputs[index] ?? '';
    return name === '' ? undefined : this.#facts.get(name);
  }

  /** A node's constant input; undefined when it is left out or computed. */
  constant(node: OnnxNode, index: number): OnnxTensor | undefined {
    return this.input(node, index)?.constant;
  }

  /** The numbers of a constant FLOAT input. Throws `model_invalid` for one that isn't finite. */
  floats(node: OnnxNode, index: number): Float32Array | undefined {
    const tensor = this.constant(node, index);
    if (tensor?.data === undefined || tensor.elementType !== elementType.FLOAT) return undefined;
    const values = floatElements(tensor.data);
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong === undefined) return values;
    throw invalidNode(
      node,
      `its constant ${quoted(node.inputs[index] ?? '')} holds ${wrong}; save the model with finite weights`,
    );
  }

  /** The numbers of a constant INT64 or INT32 input. */
  integers(node: OnnxNode, index: number): readonly number[] | undefined {
    const tensor = this.constant(node, index);
    if (tensor?.data === undefined) return undefined;
    if (tensor.elementType === elementType.INT64) return int64Elements(tensor.data);
    if (tensor.elementType !== elementType.INT32) return undefined;
    return Array.from(new Int32Array(new Uint8Array(tensor.data).buffer));
  }

  /** `axes`, an attribute in older operator sets and an input in newer ones; undefined when left out. */
  axes(node: OnnxNode, index: number): readonly number[] | undefined {
    return integersAttribute(node, 'axes') ?? this.integers(node, index);
  }
}

/** An axis counted from the front. Throws `model_invalid` for one that the rank does not have. */
export function normaliseAxis(node: OnnxNode, axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(result) && result >= 0 && result < rank) return result;
  throw invalidNode(node, `axis ${axis} of a tensor of rank ${rank}`);
}

/** `model_invalid` that names a node. */
export function invalidNode(node: OnnxNode, reason: string): SluiceError {
  return new SluiceError('model_invalid', `${describeNode(node)}: ${reason}`);
}

/** `FLOAT [1,3,224,224]`: how reasons write a tensor. */
export function describeFacts(facts: TensorFacts | undefined): string {
  if (facts === undefined) return 'nothing known';
  const shape = facts.shape === undefined ? 'of unknown shape' : `[${facts.shape}]`;
  return `${elementTypeName(facts.elementType ?? 0)} ${shape}`;
}
