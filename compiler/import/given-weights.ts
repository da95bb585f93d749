import { elementType } from '../onnx/element-types.ts';
import type { OnnxNode } from '../onnx/model.ts';
import { int32Elements } from '../onnx/read-tensor.ts';
import { integerElements } from './fold-constants.ts';
import type { GivenWeights, ImportedMap } from './graph.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** Operators that bring constants into another order or shape. */
const rearrangements: ReadonlySet<string> = new Set(
  'Transpose Reshape Flatten Squeeze Unsqueeze Identity'.split(' '),
);

/** Part of a step that a weight may differ from a whole number of scales: float32 rounding. */
const tolerance = 1e-3;
const integerMax = 127;

/**
 * The integers of weights that a QDQ or QLinear model gives, found from their scales: a weight is a whole
 * number of them. Left out where nothing is given, and where zero points make the weights asymmetric or one is
 * -128, which the NPU's multipliers do not take: such weights are quantised anew, symmetric for each channel.
 */
export function givenWeights(
  node: OnnxNode,
  builder: GraphBuilder,
  options: { weights: Float32Array; outputs: number; input: ImportedMap; bias: number | undefined },
): { given?: GivenWeights } {
  const { weights, outputs, input, bias } = options;
  const source = dequantiserOf(node.inputs[1] ?? '', builder);
  const list = source === undefined ? undefined : builder.facts.floats(source, 1);
  if (source === undefined || list === undefined || (list.length !== 1 && list.length !== outputs)) return {};
  const scales = list.length === 1 ? new Float32Array(outputs).fill(list[0] ?? 1) : list;
  const perOutput = weights.length / outputs;
  const integers = new Int8Array(weights.length);
  for (const [index, weight] of weights.entries()) {
    const steps = weight / (scales[Math.floor(index / perOutput)] ?? 1);
    const integer = Math.round(steps);
    if (Math.abs(steps - integer) > tolerance || Math.abs(integer) > integerMax) return {};
    integers[index] = integer;
  }
  const biasIntegers = givenBias(node, builder, { scales, input, bias });
  return { given: { integers, scales, ...(biasIntegers === undefined ? {} : { biasIntegers }) } };
}

/** The DequantizeLinear that a constant comes from, through changes of order and shape. */
function dequantiserOf(name: string, builder: GraphBuilder): OnnxNode | undefined {
  let producer = builder.model.producers.get(name);
  while (producer !== undefined && rearrangements.has(producer.operator)) {
    producer = builder.model.producers.get(producer.inputs[0] ?? '');
  }
  if (producer?.operator !== 'DequantizeLinear') return undefined;
  const tensor = builder.facts.constant(producer, 0);
  return tensor === undefined || integerElements(tensor) === undefined ? undefined : producer;
}

function givenBias(
  node: OnnxNode,
  builder: GraphBuilder,
  options: { scales: Float32Array; input: ImportedMap; bias: number | undefined },
): Int32Array | undefined {
  const { scales, input, bias } = options;
  const producer = builder.model.producers.get(node.inputs[bias ?? -1] ?? '');
  if (producer?.operator !== 'DequantizeLinear' || input.quantisation === undefined) return undefined;
  const tensor = builder.facts.constant(producer, 0);
  const biasScales = builder.facts.floats(producer, 1);
  const zeros = builder.facts.constant(producer, 2);
  if (tensor?.data === undefined || tensor.elementType !== elementType.INT32 || biasScales === undefined)
    return undefined;
  if (zeros !== undefined && integerElements(zeros)?.some((zero) => zero !== 0)) return undefined;
  const inputScale = input.quantisation.scale;
  const fits = scales.every((scale, output) => {
    const own = biasScales[biasScales.length === 1 ? 0 : output] ?? 0;
    return Math.abs(own / (inputScale * scale) - 1) < tolerance;
  });
  const values = int32Elements(tensor.data);
  return fits && values.length === scales.length ? values : undefined;
}
