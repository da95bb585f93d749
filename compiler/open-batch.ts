import type { InputShapes } from './import/bind-shapes.ts';
import type { FactTable } from './import/facts.ts';
import { elementType } from './onnx/element-types.ts';
import type { OnnxModel, OnnxTensor, OnnxValue } from './onnx/model.ts';

/** Whether a model leaves the batch of every input to the request, and nobody fixed it to more than 1. */
export function leavesBatchOpen({ graph }: OnnxModel, shapes: InputShapes): boolean {
  return graph.inputs.every(({ name, shape }) => {
    const given = Object.hasOwn(shapes, name) ? shapes[name] : undefined;
    return shape?.[0] === -1 && (given === undefined || given[0] === 1);
  });
}

/**
 * A model that was imported with a batch of 1, with the batch open again: inputs and outputs say so, and
 * a Reshape to [1, ...] of what begins with the batch takes that over. Whether it then computes each item
 * as before is for the caller to try: an operator may mix items.
 */
export function openBatch(model: OnnxModel, facts: FactTable): OnnxModel {
  const { graph } = model;
  const initialisers = new Map(graph.initialisers);
  const nodes = graph.nodes.map((node) => {
    const [data = '', shape = ''] = node.inputs;
    const sizes = node.operator === 'Reshape' ? sizesOf(initialisers.get(shape)) : undefined;
    if (sizes?.[0] !== 1 || facts.all.get(data)?.shape?.[0] !== 1) return node;
    const name = `${shape}//any-batch`;
    // 0 takes over the size that is there.
    initialisers.set(name, sizesTensor(name, [0, ...sizes.slice(1)]));
    return { ...node, inputs: [data, name] };
  });
  return {
    ...model,
    graph: {
      ...graph,
      nodes,
      initialisers,
      inputs: graph.inputs.map(openValue),
      outputs: graph.outputs.map(openValue),
    },
  };
}

function openValue(value: OnnxValue): OnnxValue {
  return value.shape?.[0] === 1 ? { ...value, shape: [-1, ...value.shape.slice(1)] } : value;
}

function sizesOf(tensor: OnnxTensor | undefined): number[] | undefined {
  if (tensor?.data === undefined || tensor.elementType !== elementType.INT64) return undefined;
  return Array.from(new BigInt64Array(new Uint8Array(tensor.data).buffer), Number);
}

function sizesTensor(name: string, sizes: readonly number[]): OnnxTensor {
  const data = new Uint8Array(BigInt64Array.from(sizes, BigInt).buffer);
  return { name, elementType: elementType.INT64, shape: [sizes.length], data };
}
