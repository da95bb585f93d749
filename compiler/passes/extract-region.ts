import { elementType } from '../onnx/element-types.ts';
import type { OnnxModel, OnnxTensor, OnnxValue } from '../onnx/model.ts';
import { writeModel } from '../onnx/write-model.ts';
import type { QuantisedRegion, RegionBoundary } from './region.ts';

/**
 * The region as an ONNX model of its own, int8 in and int8 out: what the program must reproduce. All its
 * operators are int8 x int8, whose ONNX Runtime results are the same on every CPU.
 */
export function extractRegion(model: OnnxModel, region: QuantisedRegion): Uint8Array {
  const initialisers = new Map<string, OnnxTensor>();
  for (const name of region.nodes.flatMap(({ inputs }) => inputs)) {
    const tensor = model.graph.initialisers.get(name);
    if (tensor !== undefined) initialisers.set(name, tensor);
  }
  return writeModel({
    ...model,
    graph: {
      name: 'region',
      nodes: region.nodes,
      initialisers,
      inputs: [boundaryValue(region.input)],
      outputs: [boundaryValue(region.output)],
    },
  });
}

function boundaryValue({ quantisedTensor, shape }: RegionBoundary): OnnxValue {
  return { name: quantisedTensor, elementType: elementType.INT8, shape: [shape.batch, ...shape.item] };
}
