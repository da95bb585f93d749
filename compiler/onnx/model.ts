import { printable, quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { AttributeMessage } from './schema.ts';

/** A checked ONNX model: names resolve, no cycles, nodes in topological order. */
export interface OnnxModel {
  irVersion: number;
  /** Version of each operator set by domain; '' is ONNX's own. */
  opsets: ReadonlyMap<string, number>;
  graph: OnnxGraph;
}

/** A graph whose every tensor has one source. */
export interface OnnxGraph {
  name: string;
  nodes: readonly OnnxNode[];
  initialisers: ReadonlyMap<string, OnnxTensor>;
  /** What a caller feeds: initialisers that the file also lists as inputs are left out. */
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
}

/** One operator. An empty input or output name stands for one left out. */
export interface OnnxNode {
  name: string;
  operator: string;
  /** '' is ONNX's own operator set. */
  domain: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: ReadonlyMap<string, OnnxAttribute>;
}

/** An attribute's value; kinds that no pass looks into (subgraphs, strings, types) are kept as decoded. */
export type OnnxAttribute =
  | { kind: 'int'; value: number }
  | { kind: 'ints'; value: readonly number[] }
  | { kind: 'float'; value: number }
  | { kind: 'floats'; value: readonly number[] }
  | { kind: 'string'; value: string }
  | { kind: 'tensor'; value: OnnxTensor }
  | { kind: 'other'; message: AttributeMessage };

/** A constant. `data` holds little-endian elements; undefined for element types that Sluice does not serve. */
export interface OnnxTensor {
  name: string;
  elementType: number;
  shape: readonly number[];
  data: Uint8Array | undefined;
}

/** A graph input or output. */
export interface OnnxValue {
  name: string;
  /** Undefined when the value is no tensor (a sequence, map, optional or sparse tensor) or has no type. */
  elementType: number | undefined;
  /** -1 for a symbolic or unknown dimension; undefined when even the rank is unknown. */
  shape: readonly number[] | undefined;
}

/** How messages name a node: by its name, else by its first output. */
export function describeNode(node: OnnxNode): string {
  const name = node.name === '' ? `of output ${quoted(node.outputs[0] ?? '')}` : quoted(node.name);
  return `node ${name} (${printable(operatorOf(node))})`;
}

/** A node's operator, with its domain in front unless it is ONNX's own. */
export function operatorOf(node: OnnxNode): string {
  return node.domain === '' ? node.operator : `${node.domain}.${node.operator}`;
}

/** A refusal of a node by this route: names the node, its operator and the reason. */
export function unsupportedNode(node: OnnxNode, reason: string): SluiceError {
  return new SluiceError('model_unsupported', `${describeNode(node)}: ${reason}`);
}

/** An integer attribute, or its default. */
export function integerAttribute(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return fallback;
  if (attribute.kind !== 'int') throw invalidAttribute(node, name, 'an integer');
  return attribute.value;
}

/** A list of integers; undefined when the node leaves it out. */
export function integersAttribute(node: OnnxNode, name: string): readonly number[] | undefined {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return undefined;
  if (attribute.kind !== 'ints') throw invalidAttribute(node, name, 'a list of integers');
  return attribute.value;
}

/** A float attribute, or its default. */
export function floatAttribute(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return fallback;
  if (attribute.kind !== 'float') throw invalidAttribute(node, name, 'a float');
  return attribute.value;
}

/** A string attribute, or its default. */
export function stringAttribute(node: OnnxNode, name: string, fallback: string): string {
  const attribute = node.attributes.get(name);
  if (attribute === undefined) return fallback;
  if (attribute.kind !== 'string') throw invalidAttribute(node, name, 'a string');
  return attribute.value;
}

function invalidAttribute(node: OnnxNode, name: string, expected: string): SluiceError {
  const kind = node.attributes.get(name)?.kind;
  return new SluiceError(
    'model_invalid',
    `${describeNode(node)}: attribute ${name} is ${kind}, ${expected} expected`,
  );
}
