import { elementCount } from '../../contract/tensor-data.ts';
import type { Datatype } from '../../contract/tensors.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';
import { datatypeOf, elementType, elementTypeOf } from '../onnx/element-types.ts';
import { integerAttribute, type OnnxModel, type OnnxNode, type OnnxTensor } from '../onnx/model.ts';
import { int8Elements, int32Elements } from '../onnx/read-tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { type FactTable, normaliseAxis } from './facts.ts';

/** Elements of a constant that is computed while importing. */
const foldedElementsMax = 1 << 26;

/** Operators whose output holds the bytes of the first input in another shape. */
const reshapes: ReadonlySet<string> = new Set(
  'Identity Reshape Squeeze Unsqueeze Flatten Dropout'.split(' '),
);

/** Operators that are not a function of their inputs, or whose work no input bounds. */
const unfoldable: ReadonlySet<string> = new Set(
  'RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli Multinomial If Loop Scan SequenceMap'.split(
    ' ',
  ),
);

/** Values of a node's outputs when they depend on no graph input; undefined otherwise, or when not known. */
export async function foldNode(
  node: OnnxNode,
  options: { facts: FactTable; model: OnnxModel; outputs: readonly Output[] },
): Promise<readonly OnnxTensor[] | undefined> {
  const { facts, outputs } = options;
  const [output] = outputs;
  if (output === undefined || node.domain !== '') return undefined;
  if (node.operator === 'Constant') return listOf(constantNode(node, output.name));
  const input = facts.input(node, 0);
  if (node.operator === 'Shape' && input?.shape !== undefined)
    return [shapeTensor(node, input.shape, output.name)];
  if (node.operator === 'Size' && input?.shape !== undefined) {
    return [integers(output.name, { values: [elementCount(input.shape)], shape: [] })];
  }
  const given = node.inputs.map((name, index) => (name === '' ? 'left out' : facts.constant(node, index)));
  if (given.length === 0 || given.includes(undefined) || unfoldable.has(node.operator)) return undefined;
  if (outputs.some(({ shape }) => shape === undefined || elementCount(shape) > foldedElementsMax))
    return undefined;
  const first = facts.constant(node, 0);
  if (reshapes.has(node.operator) && first !== undefined && output.shape !== undefined) {
    return [{ ...first, name: output.name, shape: output.shape }];
  }
  if (node.operator === 'DequantizeLinear') {
    const values = dequantise(node, facts);
    if (values !== undefined) return [{ ...floats(output.name, values), shape: output.shape ?? [] }];
  }
  return runNode(node, { ...options, constants: given.filter((tensor) => typeof tensor === 'object') });
}

interface Output {
  name: string;
  elementType: number | undefined;
  shape: readonly number[] | undefined;
}

function constantNode(node: OnnxNode, name: string): OnnxTensor | undefined {
  const [[kind, attribute] = []] = [...node.attributes];
  if (attribute?.kind === 'tensor' && kind === 'value') {
    return attribute.value.data === undefined ? undefined : { ...attribute.value, name };
  }
  if (attribute?.kind === 'float') return { ...floats(name, Float32Array.of(attribute.value)), shape: [] };
  if (attribute?.kind === 'floats') return floats(name, Float32Array.from(attribute.value));
  if (attribute?.kind === 'int') return integers(name, { values: [attribute.value], shape: [] });
  if (attribute?.kind === 'ints') return integers(name, { values: attribute.value });
  return undefined;
}

function shapeTensor(node: OnnxNode, shape: readonly number[], name: string): OnnxTensor {
  const start = integerAttribute(node, 'start', 0);
  const end = integerAttribute(node, 'end', shape.length);
  return integers(name, { values: shape.slice(start, end) });
}

/** ONNX DequantizeLinear: (x - zero point) * scale in float32, one scale or one for each place on an axis. */
function dequantise(node: OnnxNode, facts: FactTable): Float32Array | undefined {
  const tensor = facts.constant(node, 0);
  const scales = facts.floats(node, 1);
  const values = tensor === undefined ? undefined : integerElements(tensor);
  if (tensor === undefined || scales === undefined || values === undefined) return undefined;
  const zeroTensor = facts.constant(node, 2);
  const zeros = zeroTensor === undefined ? [0] : (integerElements(zeroTensor) ?? [0]);
  if (scales.length === 1) {
    const [scale = 1] = scales;
    return Float32Array.from(values, (value) => (value - (zeros[0] ?? 0)) * scale);
  }
  const axis = normaliseAxis(node, integerAttribute(node, 'axis', 1), tensor.shape.length);
  const places = tensor.shape[axis] ?? 0;
  if (scales.length !== places || node.attributes.has('block_size')) return undefined;
  const inner = elementCount(tensor.shape.slice(axis + 1));
  return Float32Array.from(values, (value, index) => {
    const place = Math.floor(index / inner) % places;
    return (value - (zeros[place] ?? zeros[0] ?? 0)) * (scales[place] ?? 0);
  });
}

/** Elements of an INT8, UINT8 or INT32 constant. */
export function integerElements(tensor: OnnxTensor): Int8Array | Uint8Array | Int32Array | undefined {
  if (tensor.data === undefined) return undefined;
  switch (tensor.elementType) {
    case elementType.INT8:
      return int8Elements(tensor.data);
    case elementType.UINT8:
      return tensor.data;
    case elementType.INT32:
      return int32Elements(tensor.data);
    default:
      return undefined;
  }
}

/** Has ONNX Runtime compute one node; undefined when it can't. */
async function runNode(
  node: OnnxNode,
  options: { model: OnnxModel; outputs: readonly Output[]; constants: readonly OnnxTensor[] },
): Promise<readonly OnnxTensor[] | undefined> {
  const { model, outputs, constants } = options;
  if (outputs.some((output) => datatypeOf(output.elementType ?? 0) === undefined)) return undefined;
  const graph = {
    name: 'constant',
    nodes: [node],
    initialisers: new Map(constants.map((tensor) => [tensor.name, tensor])),
    inputs: [],
    outputs: outputs.map(({ name, elementType: code }) => ({ name, elementType: code, shape: undefined })),
  };
  let runtime: RuntimeModel | undefined;
  try {
    runtime = await RuntimeModel.load(writeModel({ ...model, graph }));
    const results = await runtime.run([]);
    return outputs.map(({ name }) => {
      const result = results.get(name);
      return {
        name,
        elementType: elementTypeOf(result?.datatype as Datatype),
        shape: result?.shape ?? [],
        data: new Uint8Array(result?.data ?? []),
      };
    });
  } catch {
    // What ONNX Runtime refuses here it refuses in the whole model too, with its own reason.
    return undefined;
  } finally {
    await runtime?.release();
  }
}

function listOf(tensor: OnnxTensor | undefined): OnnxTensor[] | undefined {
  return tensor === undefined ? undefined : [tensor];
}

function floats(name: string, values: Float32Array): OnnxTensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, elementType: elementType.FLOAT, shape: [values.length], data };
}

function integers(
  name: string,
  { values, shape = [values.length] }: { values: readonly number[]; shape?: readonly number[] },
): OnnxTensor {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, elementType: elementType.INT64, shape, data };
}
