import { elementType } from '../onnx/element-types.ts';
import {
  integerAttribute,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
  operatorOf,
} from '../onnx/model.ts';
import type { FactTable } from './facts.ts';

/** Nodes that a quantised operator stands for, and constants that they need. */
export interface SpelledOut {
  nodes: readonly OnnxNode[];
  constants: readonly OnnxTensor[];
}

/** Operands of a quantised operator: tensor, scale, zero point at consecutive places of its input list. */
interface QuantisedForm {
  operator: string;
  /** Index of each operand's tensor. */
  operands: readonly number[];
  /** Index of the output's scale. */
  output: number;
  /** Index of an int32 bias of scale input scale * weight scale. */
  bias?: number;
  /** Axis along which the second operand's scales run. */
  weightAxis?: (node: OnnxNode) => number;
  attributes: readonly string[];
}

const forms: ReadonlyMap<string, QuantisedForm> = new Map(
  Object.entries({
    QLinearConv: {
      operator: 'Conv',
      operands: [0, 3],
      output: 6,
      bias: 8,
      weightAxis: () => 0,
      attributes: ['kernel_shape', 'pads', 'strides', 'dilations', 'group', 'auto_pad'],
    },
    QLinearMatMul: { operator: 'MatMul', operands: [0, 3], output: 6, weightAxis: () => 1, attributes: [] },
    'com.microsoft.QGemm': {
      operator: 'Gemm',
      operands: [0, 3],
      output: 7,
      bias: 6,
      weightAxis: (node: OnnxNode) => (integerAttribute(node, 'transB', 0) === 0 ? 1 : 0),
      attributes: ['alpha', 'transA', 'transB'],
    },
    'com.microsoft.QLinearAdd': { operator: 'Add', operands: [0, 3], output: 6, attributes: [] },
    'com.microsoft.QLinearMul': { operator: 'Mul', operands: [0, 3], output: 6, attributes: [] },
    'com.microsoft.QLinearSigmoid': { operator: 'Sigmoid', operands: [0], output: 3, attributes: [] },
    'com.microsoft.QLinearLeakyRelu': {
      operator: 'LeakyRelu',
      operands: [0],
      output: 3,
      attributes: ['alpha'],
    },
    'com.microsoft.QLinearGlobalAveragePool': {
      operator: 'GlobalAveragePool',
      operands: [0],
      output: 3,
      attributes: [],
    },
    'com.microsoft.QLinearAveragePool': {
      operator: 'AveragePool',
      operands: [0],
      output: 3,
      attributes: ['kernel_shape', 'pads', 'strides', 'auto_pad', 'ceil_mode', 'count_include_pad'],
    },
  } satisfies Record<string, QuantisedForm>),
);

/**
 * A quantised operator as DequantizeLinear - operator - QuantizeLinear, the form that ONNX defines it by;
 * undefined for any other node, and for one whose scales are computed.
 */
export function spellOut(node: OnnxNode, facts: FactTable): SpelledOut | undefined {
  const operator = operatorOf(node);
  if (operator === 'com.microsoft.QLinearConcat') return spellOutConcat(node);
  if (operator === 'com.microsoft.QuantizeLinear' || operator === 'com.microsoft.DequantizeLinear') {
    return { nodes: [{ ...node, domain: '' }], constants: [] };
  }
  const form = forms.get(operator);
  if (form === undefined || integerAttribute(node, 'channels_last', 0) !== 0) return undefined;
  const speller = new Speller(node);
  const operands = form.operands.map((index, place) =>
    speller.dequantise(index, place === 0 ? 0 : (form.weightAxis?.(node) ?? 0)),
  );
  if (form.bias !== undefined && (node.inputs[form.bias] ?? '') !== '') {
    const scales = biasScales(node, facts);
    if (scales === undefined) return undefined;
    operands.push(speller.bias(form.bias, scales));
  }
  const kept = form.attributes.flatMap((name) => {
    const value = node.attributes.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  speller.finish(form.operator, { operands, attributes: new Map(kept), scale: form.output });
  return speller;
}

/** QLinearConcat: output scale and zero point, then tensor, scale, zero point of each input. */
function spellOutConcat(node: OnnxNode): SpelledOut {
  const speller = new Speller(node);
  const operands: string[] = [];
  for (let index = 2; index + 2 < node.inputs.length; index += 3) operands.push(speller.dequantise(index, 0));
  const axis = node.attributes.get('axis') ?? ({ kind: 'int', value: 0 } as const);
  speller.finish('Concat', { operands, attributes: new Map([['axis', axis]]), scale: 0 });
  return speller;
}

function biasScales(node: OnnxNode, facts: FactTable): Float32Array | undefined {
  const input = facts.floats(node, 1);
  const weight = facts.floats(node, 4);
  const alpha = node.attributes.get('alpha');
  const factor = alpha?.kind === 'float' ? alpha.value : 1;
  if (input === undefined || weight === undefined) return undefined;
  return weight.map((scale) => Math.fround(factor * (input[0] ?? 0)) * scale);
}

class Speller implements SpelledOut {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  readonly #node: OnnxNode;

  constructor(node: OnnxNode) {
    this.#node = node;
  }

  dequantise(index: number, axis: number): string {
    return this.#append('DequantizeLinear', {
      inputs: this.#node.inputs.slice(index, index + 3),
      output: this.#name(`operand-${index}`),
      attributes: new Map([['axis', { kind: 'int', value: axis }]]),
    });
  }

  bias(index: number, scales: Float32Array): string {
    const name = this.#name('bias-scales');
    const data = new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength);
    const shape = scales.length === 1 ? [] : [scales.length];
    this.constants.push({ name, elementType: elementType.FLOAT, shape, data });
    return this.#append('DequantizeLinear', {
      inputs: [this.#node.inputs[index] ?? '', name],
      output: this.#name('bias'),
      attributes: new Map([['axis', { kind: 'int', value: 0 }]]),
    });
  }

  finish(
    operator: string,
    options: { operands: readonly string[]; attributes: ReadonlyMap<string, OnnxAttribute>; scale: number },
  ): void {
    const { operands, attributes, scale } = options;
    const quantisation = this.#node.inputs.slice(scale, scale + 2);
    const isQuantised = (quantisation[0] ?? '') !== '';
    const output = this.#node.outputs[0] ?? '';
    const real = isQuantised ? this.#name('real') : output;
    this.#append(operator, { inputs: operands, output: real, attributes });
    if (!isQuantised) return;
    this.#append('QuantizeLinear', { inputs: [real, ...quantisation], output, attributes: new Map() });
  }

  #name(part: string): string {
    return `${this.#node.outputs[0]}//${part}`;
  }

  #append(
    operator: string,
    options: { inputs: readonly string[]; output: string; attributes: ReadonlyMap<string, OnnxAttribute> },
  ): string {
    const { inputs, output, attributes } = options;
    this.nodes.push({ name: this.#node.name, operator, domain: '', inputs, outputs: [output], attributes });
    return output;
  }
}
