import { elementType } from '../../compiler/onnx/element-types.ts';
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from '../../compiler/onnx/model.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { seededRandom } from './random.ts';

/** A node with nothing but what the test names. */
export function node(
  operator: string,
  options: { inputs: string[]; outputs: string[]; name?: string; attributes?: Record<string, OnnxAttribute> },
): OnnxNode {
  const [name, domain] = operator.split('@').concat('') as [string, string];
  return {
    name: options.name ?? `${name}_${options.outputs[0]}`,
    operator: name,
    domain,
    inputs: options.inputs,
    outputs: options.outputs,
    attributes: new Map(Object.entries(options.attributes ?? {})),
  };
}

/** Constants of the element types that quantised models use. */
export const constant = {
  int8: (name: string, values: number[], shape = [values.length]): OnnxTensor =>
    tensor(name, elementType.INT8, { shape, values: Int8Array.from(values) }),
  float: (name: string, values: number[], shape = [values.length]): OnnxTensor =>
    tensor(name, elementType.FLOAT, { shape, values: Float32Array.from(values) }),
  int32: (name: string, values: number[], shape = [values.length]): OnnxTensor =>
    tensor(name, elementType.INT32, { shape, values: Int32Array.from(values) }),
  int64: (name: string, values: number[], shape = [values.length]): OnnxTensor =>
    tensor(name, elementType.INT64, { shape, values: BigInt64Array.from(values, BigInt) }),
};

function tensor(
  name: string,
  code: number,
  options: { shape: number[]; values: ArrayBufferView },
): OnnxTensor {
  const { shape, values } = options;
  return {
    name,
    elementType: code,
    shape,
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

/** A model of the given parts; `opset` is that of ONNX's own operators. */
export function modelOf(parts: {
  nodes: OnnxNode[];
  initialisers: OnnxTensor[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  opset?: number;
}): OnnxModel {
  return {
    irVersion: 8,
    opsets: new Map([
      ['', parts.opset ?? 14],
      ['com.microsoft', 1],
    ]),
    graph: {
      name: 'test',
      nodes: parts.nodes,
      initialisers: new Map(parts.initialisers.map((each) => [each.name, each])),
      inputs: parts.inputs,
      outputs: parts.outputs,
    },
  };
}

/** A float graph input or output. */
export function floatValue(name: string, shape: number[]): OnnxValue {
  return { name, elementType: elementType.FLOAT, shape };
}

/** What to build a chain of dense layers from. */
export interface ChainOptions {
  operator: 'QLinearConv' | 'QGemm@com.microsoft' | 'QLinearMatMul';
  /** Input count, then the output count of each layer. */
  sizes: number[];
  seed: number;
  batch?: number;
  clamp?: 'Max' | 'Min' | 'Relu' | 'Clip';
  /** Changes nodes or constants before the model is written. */
  edit?: (parts: { nodes: OnnxNode[]; initialisers: OnnxTensor[] }) => void;
}

/** QuantizeLinear, dense layers with random weights, scales and zero points, DequantizeLinear. */
export function denseChain(options: ChainOptions): Uint8Array {
  const { operator, sizes, seed, batch = -1 } = options;
  const random = seededRandom(seed);
  const isConvolution = operator === 'QLinearConv';
  const [inputCount = 1] = sizes;
  const nodes: OnnxNode[] = [node('QuantizeLinear', { inputs: ['x', 's0', 'z0'], outputs: ['q'] })];
  const initialisers = [constant.float('s0', [0.05], []), constant.int8('z0', [integer(random, 5)], [])];
  let tensorName = 'q';
  if (isConvolution) {
    initialisers.push(constant.int64('to4', [0, -1, 1, 1]), constant.int64('to2', [0, -1]));
    nodes.push(node('Reshape', { inputs: ['q', 'to4'], outputs: ['q4'] }));
    tensorName = 'q4';
  }
  for (let layer = 1; layer < sizes.length; layer += 1) {
    tensorName = addLayer({ nodes, initialisers, random, layer, tensorName, options });
  }
  if (isConvolution) {
    nodes.push(node('Reshape', { inputs: [tensorName, 'to2'], outputs: ['flat'] }));
    tensorName = 'flat';
  }
  const last = sizes.length - 1;
  nodes.push(node('DequantizeLinear', { inputs: [tensorName, `s${last}`, `z${last}`], outputs: ['y'] }));
  options.edit?.({ nodes, initialisers });
  const inputs = [floatValue('x', [batch, inputCount])];
  return writeModel(
    modelOf({ nodes, initialisers, inputs, outputs: [floatValue('y', [batch, sizes.at(-1) ?? 1])] }),
  );
}

function addLayer(state: {
  nodes: OnnxNode[];
  initialisers: OnnxTensor[];
  random: () => number;
  layer: number;
  tensorName: string;
  options: ChainOptions;
}): string {
  const { nodes, initialisers, random, layer, tensorName, options } = state;
  const { operator, sizes, clamp } = options;
  const inputs = sizes[layer - 1] ?? 1;
  const outputs = sizes[layer] ?? 1;
  const weightShape = operator === 'QLinearConv' ? [outputs, inputs, 1, 1] : [inputs, outputs];
  const list = (count: number, value: () => number): number[] => Array.from({ length: count }, value);
  initialisers.push(
    constant.int8(
      `w${layer}`,
      list(inputs * outputs, () => ((random() >>> 24) % 255) - 127),
      weightShape,
    ),
    constant.float(
      `ws${layer}`,
      list(outputs, () => 0.001 + (random() % 1000) / 100_000),
    ),
    constant.int8(
      `wz${layer}`,
      list(outputs, () => 0),
    ),
    constant.int32(
      `b${layer}`,
      list(outputs, () => integer(random, 5000)),
    ),
    constant.float(`s${layer}`, [0.05 * Math.sqrt(inputs) * 0.4 + (random() % 1000) / 1e6], []),
    constant.int8(`z${layer}`, [integer(random, 20)], []),
  );
  const before = [tensorName, `s${layer - 1}`, `z${layer - 1}`, `w${layer}`, `ws${layer}`, `wz${layer}`];
  const after = [`s${layer}`, `z${layer}`];
  const operands = {
    QLinearConv: [...before, ...after, `b${layer}`],
    'QGemm@com.microsoft': [...before, `b${layer}`, ...after],
    QLinearMatMul: [...before, ...after],
  }[operator];
  nodes.push(node(operator, { name: `layer${layer}`, inputs: operands, outputs: [`a${layer}`] }));
  if (clamp === undefined) return `a${layer}`;
  const bounds = { Max: [`z${layer}`], Min: [`z${layer}`], Relu: [], Clip: ['low', 'high'] }[clamp];
  if (clamp === 'Clip' && layer === 1) {
    initialisers.push(constant.int8('low', [-30], []), constant.int8('high', [40], []));
  }
  nodes.push(node(clamp, { inputs: [`a${layer}`, ...bounds], outputs: [`c${layer}`] }));
  return `c${layer}`;
}

function integer(random: () => number, bound: number): number {
  return (random() % (2 * bound + 1)) - bound;
}
