import { elementType } from '../onnx/element-types.ts';
import { integerAttribute, type OnnxNode, type OnnxTensor } from '../onnx/model.ts';
import { floatElements } from '../onnx/read-tensor.ts';
import { integerElements } from './fold-constants.ts';
import type { GivenQuantisation, ImportedMap } from './graph.ts';
import { decline, type GraphBuilder } from './graph-builder.ts';
import { argument } from './scalar-function.ts';

/** What uint8 integers are shifted by to become int8. */
export const unsignedShift = 128;

/** QuantizeLinear: the map gets the quantisation, or a copy of it does when the floats are read elsewhere too. */
export function translateQuantise(node: OnnxNode, builder: GraphBuilder): void {
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const quantisation = quantisationOf(node, builder, output);
  let value = builder.value(node, 0);
  if (value.isInteger) decline('quantises integers');
  if (value.scalar !== argument && builder.readersOf(input).length === 1 && !builder.isGraphOutput(input)) {
    builder.materialise(input);
    value = builder.value(node, 0);
  }
  const { map, axes, scalar, nodes } = value;
  const isSame = isSameQuantisation(map.quantisation, quantisation);
  if (scalar === argument && (isSame || (map.quantisation === undefined && isOnlyUse(map, builder)))) {
    map.quantisation = quantisation;
    builder.define(output, { ...value, isInteger: true });
    return;
  }
  const body = { kind: 'activation', input: map, scalar } as const;
  builder.emit(node, body, { tensor: output, sizes: map, axes, quantisation, isInteger: true, nodes });
}

/** DequantizeLinear of a tensor with that quantisation: the floats of the same map. */
export function translateDequantise(node: OnnxNode, builder: GraphBuilder): void {
  const [input = ''] = node.inputs;
  if (builder.computed(input)?.isInteger !== true) decline('its integers come from outside the NPU');
  // Computed here, the map keeps its scale; the function alone would lose it.
  builder.materialise(input);
  const value = builder.value(node, 0);
  const quantisation = quantisationOf(node, builder, input);
  if (!isSameQuantisation(value.map.quantisation, quantisation))
    decline('its scale is not that of its input');
  builder.define(node.outputs[0] ?? '', { ...value, isInteger: false });
}

/** Whether a QuantizeLinear or DequantizeLinear has the quantisation of a map: its integers stay as they are. */
export function keepsQuantisation(node: OnnxNode, builder: GraphBuilder, map: ImportedMap): boolean {
  const [integers = ''] = node.operator === 'QuantizeLinear' ? node.outputs : node.inputs;
  return isSameQuantisation(map.quantisation, quantisationOf(node, builder, integers));
}

function quantisationOf(node: OnnxNode, builder: GraphBuilder, integers: string): GivenQuantisation {
  const scales = builder.facts.floats(node, 1) ?? decline('its scale is computed');
  const zeroTensor = builder.facts.constant(node, 2);
  const zeros = zeroTensor === undefined ? [0] : (integerElements(zeroTensor) ?? []);
  const type = builder.facts.all.get(integers)?.elementType;
  const [scale = 0] = scales;
  const [zero] = zeros;
  if (scales.length !== 1 || zeros.length !== 1 || zero === undefined) {
    decline(`${scales.length} scales; the NPU takes one for a feature map`);
  }
  if (type !== elementType.INT8 && type !== elementType.UINT8) decline('its integers are not int8 or uint8');
  if (!(scale > 0) || integerAttribute(node, 'block_size', 0) !== 0) decline(`scale ${scale}`);
  return { scale, zeroPoint: type === elementType.UINT8 ? zero - unsignedShift : zero };
}

function isSameQuantisation(first: GivenQuantisation | undefined, second: GivenQuantisation): boolean {
  return first?.scale === second.scale && first.zeroPoint === second.zeroPoint;
}

/** Whether nothing reads the map but a chain of views that ends here. */
function isOnlyUse(map: ImportedMap, builder: GraphBuilder): boolean {
  return map.tensors.every(
    ({ tensor }) => builder.readersOf(tensor).length <= 1 && !builder.isGraphOutput(tensor),
  );
}

/**
 * The number that a scalar operand means: itself beside floats; scale * (integer - zero point) beside the
 * integers of the node's first input.
 */
export function realOf(node: OnnxNode, builder: GraphBuilder, operand: OnnxTensor | number): number {
  const { isInteger, map } = builder.value(node, dataIndex(node, builder));
  const number = typeof operand === 'number' ? operand : scalarOf(operand);
  if (number === undefined) return decline('its operand is no number');
  if (!isInteger) return number;
  const { scale, zeroPoint } = map.quantisation ?? decline('integers without a scale');
  const type = builder.facts.input(node, dataIndex(node, builder))?.elementType;
  const shift = type === elementType.UINT8 ? unsignedShift : 0;
  return scale * (number - shift - zeroPoint);
}

/** The first input that is computed: Max(zero, x) has its data second. */
function dataIndex(node: OnnxNode, builder: GraphBuilder): number {
  return Math.max(
    0,
    node.inputs.findIndex((name, index) => name !== '' && builder.facts.constant(node, index) === undefined),
  );
}

/** The value of a constant whose elements are all the same; undefined for any other. */
export function scalarOf(tensor: OnnxTensor): number | undefined {
  const values = elementsOf(tensor);
  const [first] = values ?? [];
  return values?.every((value) => value === first) ? first : undefined;
}

function elementsOf(tensor: OnnxTensor): Float32Array | Int8Array | Uint8Array | Int32Array | undefined {
  if (tensor.elementType !== elementType.FLOAT) return integerElements(tensor);
  return tensor.data === undefined ? undefined : floatElements(tensor.data);
}
