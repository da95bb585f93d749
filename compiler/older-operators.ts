import { elementType } from './onnx/element-types.ts';
import {
  integerAttribute,
  integersAttribute,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  unsupportedNode,
} from './onnx/model.ts';

/** The first operator set with QLinearConv and QuantizeLinear. */
export const oldestOpset = 10;
/** The first one with Clip and MaxPool of int8. */
const clipOfIntegers = 12;
/** The first one with Pad and Resize as canonical models write them. */
const padOfIntegers = 11;

/** Nodes, and constants that came with them. */
export interface Rewritten {
  nodes: OnnxNode[];
  constants: OnnxTensor[];
}

/**
 * Nodes of operator set 9 as 10 has them: an operator set is one number for a whole model, and canonical
 * models need 10. Throws `model_unsupported` for what has no such form.
 */
export function raiseToOldest(nodes: readonly OnnxNode[]): Rewritten {
  const constants: OnnxTensor[] = [];
  const raised = nodes.map((node) => {
    if (node.domain !== '') return node;
    if (node.operator === 'Slice') return sliceWithInputs(node, constants);
    if (node.operator === 'TopK') {
      const count = integers(`${node.outputs[0]}//k`, [integerAttribute(node, 'k', 1)]);
      constants.push(count);
      return { ...node, inputs: [...node.inputs, count.name], attributes: without(node, ['k']) };
    }
    return node.operator === 'Upsample' ? { ...node, operator: 'Resize' } : node;
  });
  return { nodes: raised, constants };
}

function sliceWithInputs(node: OnnxNode, constants: OnnxTensor[]): OnnxNode {
  const starts = integersAttribute(node, 'starts');
  const ends = integersAttribute(node, 'ends');
  if (starts === undefined || ends === undefined) throw unsupportedNode(node, 'it has no starts or no ends');
  const axes = integersAttribute(node, 'axes') ?? starts.map((_, axis) => axis);
  const added = Object.entries({ starts, ends, axes }).map(([name, values]) =>
    integers(`${node.outputs[0]}//${name}`, values),
  );
  constants.push(...added);
  return {
    ...node,
    inputs: [...node.inputs, ...added.map(({ name }) => name)],
    attributes: without(node, ['starts', 'ends', 'axes']),
  };
}

/**
 * Canonical nodes (compiler/network/canonical-model.ts) for an older operator set: Clip, MaxPool and Pad go
 * through float, in which every int8 is exact.
 */
export function lowerOpset(
  nodes: readonly OnnxNode[],
  options: { opset: number; constants: ReadonlyMap<string, OnnxTensor> },
): OnnxNode[] {
  const { opset, constants } = options;
  if (opset >= clipOfIntegers) return [...nodes];
  return nodes.flatMap((node) => {
    switch (node.operator) {
      case 'MaxPool':
        return throughFloat(node, node);
      case 'Clip':
        return throughFloat(node, clipOfFloats(node, options));
      case 'Pad':
        return opset >= padOfIntegers ? [node] : throughFloat(node, padOfFloats(node, constants));
      case 'Resize':
        return opset >= padOfIntegers ? [node] : throughFloat(node, plainResize(node));
      default:
        return [node];
    }
  });
}

/** Attributes until operator set 10, inputs from 11 on; as inputs, floats would need constants of their own. */
function clipOfFloats(
  node: OnnxNode,
  { opset, constants }: { opset: number; constants: ReadonlyMap<string, OnnxTensor> },
): OnnxNode {
  const [x = '', minimum = '', maximum = ''] = node.inputs;
  const [low, high] = [int8Of(constants, minimum), int8Of(constants, maximum)];
  if (opset < padOfIntegers) return { ...node, inputs: [x], attributes: floats({ min: low, max: high }) };
  return node;
}

function padOfFloats(node: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): OnnxNode {
  const [x = '', pads = '', value = ''] = node.inputs;
  const sizes = new BigInt64Array(new Uint8Array(constants.get(pads)?.data ?? new Uint8Array(0)).buffer);
  const attributes = new Map(floats({ value: int8Of(constants, value) }));
  attributes.set('pads', { kind: 'ints', value: Array.from(sizes, Number) });
  return { ...node, inputs: [x], attributes };
}

/** Resize of operator set 10 is nearest, asymmetric and rounds down, as canonical models want it. */
function plainResize(node: OnnxNode): OnnxNode {
  const [x = '', , factors = ''] = node.inputs;
  return {
    ...node,
    inputs: [x, factors],
    attributes: new Map([['mode', { kind: 'string', value: 'nearest' }]]),
  };
}

function throughFloat(node: OnnxNode, floatNode: OnnxNode): OnnxNode[] {
  const [input = '', ...others] = floatNode.inputs;
  const [output = ''] = node.outputs;
  const names = { input: `${output}//as-float`, output: `${output}//in-float` };
  const bounds = others.filter((name) => node.operator === 'Clip' && name !== '');
  return [
    cast(input, names.input, elementType.FLOAT),
    // A bound is cast where it is read, under a name of that reader's own.
    ...bounds.map((name, index) => cast(name, `${output}//bound-${index}`, elementType.FLOAT)),
    {
      ...floatNode,
      name: names.output,
      inputs: [
        names.input,
        ...(bounds.length === 0 ? others : bounds.map((_, index) => `${output}//bound-${index}`)),
      ],
      outputs: [names.output],
    },
    cast(names.output, output, elementType.INT8),
  ];
}

function cast(from: string, to: string, type: number): OnnxNode {
  return {
    name: to,
    operator: 'Cast',
    domain: '',
    inputs: [from],
    outputs: [to],
    attributes: new Map([['to', { kind: 'int', value: type }]]),
  };
}

function int8Of(constants: ReadonlyMap<string, OnnxTensor>, name: string): number {
  return new Int8Array(constants.get(name)?.data ?? new Uint8Array(1))[0] ?? 0;
}

function floats(values: Record<string, number>): Map<string, OnnxAttribute> {
  return new Map(Object.entries(values).map(([name, value]) => [name, { kind: 'float', value }]));
}

function integers(name: string, values: readonly number[]): OnnxTensor {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, elementType: elementType.INT64, shape: [values.length], data };
}

function without(node: OnnxNode, names: readonly string[]): Map<string, OnnxAttribute> {
  return new Map([...node.attributes].filter(([name]) => !names.includes(name)));
}
