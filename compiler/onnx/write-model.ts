import { quoted } from '../../base/quoted.ts';
import { SluiceError } from '../../contract/errors.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './model.ts';
import { modelProto } from './schema.ts';

/**
 * Writes a model; the same graph always gives the same bytes, because protobufjs writes fields in the
 * order of their numbers and everything else keeps its order. Throws `model_unsupported` for
 * initialisers whose values were not read.
 */
export function writeModel(model: OnnxModel): Uint8Array {
  const { graph } = model;
  const message = {
    irVersion: model.irVersion,
    producerName: 'sluice',
    opsetImport: [...model.opsets].map(([domain, version]) => ({ domain, version })),
    graph: {
      name: graph.name,
      node: graph.nodes.map(writeNode),
      initializer: [...graph.initialisers.values()].map(writeTensor),
      input: graph.inputs.map(writeValue),
      output: graph.outputs.map(writeValue),
    },
  };
  return modelProto.encode(modelProto.fromObject(message)).finish();
}

function writeNode(node: OnnxNode): object {
  return {
    name: node.name,
    opType: node.operator,
    domain: node.domain,
    input: node.inputs,
    output: node.outputs,
    attribute: [...node.attributes].map(([name, attribute]) => writeAttribute(name, attribute)),
  };
}

function writeAttribute(name: string, attribute: OnnxAttribute): object {
  switch (attribute.kind) {
    case 'float':
      return { name, type: 'FLOAT', f: attribute.value };
    case 'int':
      return { name, type: 'INT', i: attribute.value };
    case 'string':
      return { name, type: 'STRING', s: new TextEncoder().encode(attribute.value) };
    case 'ints':
      return { name, type: 'INTS', ints: attribute.value };
    case 'floats':
      return { name, type: 'FLOATS', floats: attribute.value };
    case 'tensor':
      return { name, type: 'TENSOR', t: writeTensor(attribute.value) };
    case 'other':
      return attribute.message;
  }
}

function writeTensor(tensor: OnnxTensor): object {
  if (tensor.data === undefined)
    throw new SluiceError(
      'model_unsupported',
      `initialiser ${quoted(tensor.name)}: of a type that is not read`,
    );
  return { name: tensor.name, dataType: tensor.elementType, dims: tensor.shape, rawData: tensor.data };
}

function writeValue(value: OnnxValue): object {
  const dimensions = value.shape?.map((size, axis) =>
    size === -1 ? { dimParam: `d${axis}` } : { dimValue: size },
  );
  const shape = dimensions === undefined ? undefined : { dim: dimensions };
  return { name: value.name, type: { tensorType: { elemType: value.elementType, shape } } };
}
