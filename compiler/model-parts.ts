import type { NpuBinding } from '../contract/image.ts';
import type { TensorSignature } from '../contract/tensors.ts';
import type { FactTable } from './import/facts.ts';
import type { ImportedModel } from './import/import-model.ts';
import type { RegionTensor } from './network/compile-network.ts';
import type { OnnxModel } from './onnx/model.ts';
import { writeModel } from './onnx/write-model.ts';
import { openBatch } from './open-batch.ts';
import type { RegionQuantisation } from './quantise-region.ts';
import { readModelSignature } from './signature.ts';
import { type ModelParts, type QuantisedBoundary, wholeModelOf } from './whole-model.ts';

/** A model that ONNX Runtime runs before or behind the program. */
export interface HostPart {
  model: Uint8Array;
  signature: TensorSignature;
}

/** What ONNX Runtime runs of a compiled model, as files. */
export interface ModelFiles {
  head?: HostPart;
  tail?: HostPart;
  canonicalModel: Uint8Array;
  /** What the canonical model takes and gives. */
  signature: TensorSignature;
}

/** The parts of an imported model and its quantised region, for a batch of 1. */
export function partsOf({ model, facts }: ImportedModel, quantised: RegionQuantisation): ModelParts {
  const { partition, region, network, quantisations } = quantised;
  const withQuantisation = (boundary: QuantisedBoundary['boundary']): QuantisedBoundary => {
    const quantisation = quantisations.get(boundary.map.name);
    if (quantisation === undefined) throw new TypeError(`map ${boundary.map.name} has no quantisation`);
    return { boundary, quantisation };
  };
  const { head, tail } = partition;
  const outputs = model.graph.outputs.map((value) => ({
    ...value,
    shape: facts.all.get(value.name)?.shape ?? value.shape,
  }));
  return {
    model: { ...model, graph: { ...model.graph, outputs } },
    ...(head === undefined ? {} : { head }),
    ...(tail === undefined ? {} : { tail }),
    network,
    inputs: region.inputs.map(withQuantisation),
    outputs: region.outputs.map(withQuantisation),
  };
}

/** The same for any batch. */
export function openParts(parts: ModelParts, facts: FactTable): ModelParts {
  const { model, head, tail } = parts;
  return {
    ...parts,
    model: openBatch(model, facts),
    ...(head === undefined ? {} : { head: openBatch(head, facts) }),
    ...(tail === undefined ? {} : { tail: openBatch(tail, facts) }),
  };
}

/** Writes the parts. */
export function filesOf(parts: ModelParts): ModelFiles {
  const { head, tail } = parts;
  const canonicalModel = writeModel(wholeModelOf(parts));
  return {
    ...(head === undefined ? {} : { head: hostPartOf(head) }),
    ...(tail === undefined ? {} : { tail: hostPartOf(tail) }),
    canonicalModel,
    signature: readModelSignature(canonicalModel),
  };
}

function hostPartOf(part: OnnxModel): HostPart {
  const model = writeModel(part);
  return { model, signature: readModelSignature(model) };
}

/** Ties the places of a region to float tensors, each of which has its map's own order. */
export function bindingsOf(
  boundaries: readonly QuantisedBoundary[],
  places: readonly RegionTensor[],
): NpuBinding[] {
  return places.map(({ name, offsetBytes }) => {
    const bound = boundaries.find(({ boundary }) => boundary.map.name === name);
    if (bound === undefined) throw new TypeError(`map ${name} is no boundary`);
    const { boundary, quantisation } = bound;
    const { channels, rows, columns } = boundary.map;
    return {
      tensor: boundary.tensor,
      scale: quantisation.scale,
      zeroPoint: quantisation.zeroPoint,
      offsetBytes,
      channels,
      rows,
      columns,
      channelStride: rows * columns,
      rowStride: columns,
      columnStride: 1,
    };
  });
}
