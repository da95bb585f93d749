import { elementType } from '../compiler/onnx/element-types.ts';
import type { OnnxModel, OnnxTensor, OnnxValue } from '../compiler/onnx/model.ts';
import { readModel } from '../compiler/onnx/read-model.ts';
import { writeModel } from '../compiler/onnx/write-model.ts';

const weightZeroPoint = 'weight-zero-point';
/** Where QLinearConv has the zero point of its weights. */
const weightZeroPointInput = 5;

/**
 * A canonical model of convolutions and additions with uint8 activations: the same network with every value
 * raised by 128. ONNX Runtime's fastest int8 kernels on x64 take uint8 by int8, so this is its best time;
 * on a CPU without VNNI its bits are wrong where sums saturate, which is why the CPU route does not run it.
 */
export function uint8ModelOf(canonical: Uint8Array): Uint8Array {
  const model = readModel(canonical);
  const { graph } = model;
  const nodes = graph.nodes.map((node) => {
    if (node.operator !== 'QLinearConv') return node;
    return { ...node, inputs: node.inputs.with(weightZeroPointInput, weightZeroPoint) };
  });
  const initialisers = new Map([...graph.initialisers].map(([name, tensor]) => [name, raised(tensor)]));
  const zero: OnnxTensor = {
    name: weightZeroPoint,
    elementType: elementType.INT8,
    shape: [],
    data: Uint8Array.of(0),
  };
  initialisers.set(weightZeroPoint, zero);
  const [inputs, outputs] = [graph.inputs.map(asUint8), graph.outputs.map(asUint8)];
  const edited: OnnxModel = { ...model, graph: { ...graph, nodes, initialisers, inputs, outputs } };
  return writeModel(edited);
}

/** Zero points and bounds are the int8 scalars; weights have a shape and stay. */
function raised(tensor: OnnxTensor): OnnxTensor {
  const { elementType: code, shape, data } = tensor;
  if (code !== elementType.INT8 || shape.length > 0 || data === undefined) return tensor;
  return { ...tensor, elementType: elementType.UINT8, data: data.map((byte) => byte ^ 0x80) };
}

function asUint8(value: OnnxValue): OnnxValue {
  return { ...value, elementType: elementType.UINT8 };
}
