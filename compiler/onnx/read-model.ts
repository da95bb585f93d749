import { printable, quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import {
  describeNode,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './model.ts';
import { type NodeReads, orderNodes } from './order-nodes.ts';
import { readTensor } from './read-tensor.ts';
import {
  type AttributeMessage,
  type GraphMessage,
  type ModelMessage,
  modelProto,
  type NodeMessage,
  type ValueInfoMessage,
} from './schema.ts';
import { namesInSubgraphs } from './subgraphs.ts';

/**
 * Reads an ONNX file and checks what every pass relies on: one source for each tensor, no missing input,
 * no cycle, constants as long as their shapes. Throws `model_invalid` with one line that names the place.
 */
export function readModel(bytes: Uint8Array): OnnxModel {
  const message = decodeModel(bytes);
  if (message.graph === undefined || message.irVersion === undefined) {
    throw invalid(
      `not an ONNX model: ${message.graph === undefined ? 'no graph' : 'no IR version'} in ${bytes.length} bytes`,
    );
  }
  const opsets = new Map<string, number>();
  for (const { domain = '', version = 0n } of message.opsetImport ?? []) {
    opsets.set(domain === 'ai.onnx' ? '' : domain, Number(version));
  }
  return { irVersion: Number(message.irVersion), opsets, graph: readGraph(message.graph) };
}

function decodeModel(bytes: Uint8Array): ModelMessage {
  try {
    return modelProto.toObject(modelProto.decode(bytes), { longs: BigInt }) as ModelMessage;
  } catch (thrown) {
    const reason = printable(thrown instanceof Error ? thrown.message : String(thrown));
    throw new SluiceError(
      'model_invalid',
      `ONNX model: ${bytes.length} bytes that are no ONNX file or a damaged one (${reason})`,
      {
        cause: thrown,
      },
    );
  }
}

function readGraph(message: GraphMessage): OnnxGraph {
  const initialisers = new Map<string, OnnxTensor>();
  for (const tensor of (message.initializer ?? []).map(readTensor)) {
    if (initialisers.has(tensor.name)) throw invalid(`two initialisers have the name ${quoted(tensor.name)}`);
    initialisers.set(tensor.name, tensor);
  }
  const inputs = (message.input ?? []).map(readValue).filter(({ name }) => !initialisers.has(name));
  const outputs = (message.output ?? []).map(readValue);
  if (outputs.length === 0) throw invalid('the graph has no output');
  const nodes = (message.node ?? []).map((node) => ({
    node: readNode(node),
    reads: new Set([...(node.input ?? []), ...namesInSubgraphs(node.attribute ?? [])]),
  }));
  const constants = [
    ...initialisers.keys(),
    ...(message.sparseInitializer ?? []).map(({ values }) => values?.name ?? ''),
  ];
  const sources = collectSources([...inputs.map(({ name }) => name), ...constants], nodes);
  checkReads(nodes, sources);
  for (const { name } of outputs) {
    if (!sources.has(name)) throw invalid(`graph output ${quoted(name)}: nothing computes it`);
  }
  return { name: message.name ?? '', nodes: orderNodes(nodes), initialisers, inputs, outputs };
}

/** Every name that has a value, each with one source. */
function collectSources(given: readonly string[], nodes: readonly NodeReads[]): ReadonlySet<string> {
  const sources = new Set<string>();
  for (const name of given) {
    if (sources.has(name)) throw invalid(`two graph inputs or initialisers have the name ${quoted(name)}`);
    sources.add(name);
  }
  for (const { node } of nodes) {
    for (const output of node.outputs) {
      if (output === '') continue;
      if (sources.has(output))
        throw invalid(`${describeNode(node)}: output ${quoted(output)} has another source as well`);
      sources.add(output);
    }
  }
  return sources;
}

/** Only a node's own inputs must resolve here: names inside a subgraph may be the subgraph's own. */
function checkReads(nodes: readonly NodeReads[], sources: ReadonlySet<string>): void {
  for (const { node } of nodes) {
    for (const input of node.inputs) {
      if (input !== '' && !sources.has(input)) {
        throw invalid(
          `${describeNode(node)}: input ${quoted(input)} is no initialiser, graph input or output of a node`,
        );
      }
    }
  }
}

function readNode(message: NodeMessage): OnnxNode {
  const attributes = new Map<string, OnnxAttribute>();
  for (const attribute of message.attribute ?? [])
    attributes.set(attribute.name ?? '', readAttribute(attribute));
  const domain = message.domain ?? '';
  const node: OnnxNode = {
    name: message.name ?? '',
    operator: message.opType ?? '',
    domain: domain === 'ai.onnx' ? '' : domain,
    inputs: message.input ?? [],
    outputs: message.output ?? [],
    attributes,
  };
  if (node.operator === '') throw invalid(`${describeNode(node)}: no operator`);
  return node;
}

/** Codes of `onnx.AttributeProto.AttributeType`. */
const attributeType = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, FLOATS: 6, INTS: 7 } as const;

function readAttribute(message: AttributeMessage): OnnxAttribute {
  switch (message.type) {
    case attributeType.FLOAT:
      return { kind: 'float', value: message.f ?? 0 };
    case attributeType.INT:
      return { kind: 'int', value: Number(message.i ?? 0n) };
    case attributeType.STRING:
      return { kind: 'string', value: new TextDecoder().decode(message.s ?? new Uint8Array()) };
    case attributeType.INTS:
      return { kind: 'ints', value: (message.ints ?? []).map(Number) };
    case attributeType.FLOATS:
      return { kind: 'floats', value: message.floats ?? [] };
    case attributeType.TENSOR:
      return { kind: 'tensor', value: readTensor(message.t ?? {}) };
    default:
      return { kind: 'other', message };
  }
}

function readValue(message: ValueInfoMessage): OnnxValue {
  const tensor = message.type?.tensorType;
  const dimensions = tensor?.shape?.dim ?? (tensor?.shape === undefined ? undefined : []);
  return {
    name: message.name ?? '',
    elementType: tensor?.elemType,
    shape: dimensions?.map(({ dimValue }) =>
      dimValue === undefined || dimValue < 0n ? -1 : Number(dimValue),
    ),
  };
}

function invalid(reason: string): SluiceError {
  return new SluiceError('model_invalid', `ONNX model: ${reason}`);
}
