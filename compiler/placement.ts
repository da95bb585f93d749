import { cutModel } from './import/cut-model.ts';
import { type ImportedOperation, inputsOf } from './import/graph.ts';
import type { ImportedModel } from './import/import-model.ts';
import type { Partition } from './import/partition.ts';
import type { Network } from './network/network.ts';
import { type OnnxModel, type OnnxNode, operatorOf } from './onnx/model.ts';
import type { NodePlacement } from './report.ts';

/** Says for every node of the file where it runs and why. */
export function placementOf(
  original: OnnxModel,
  options: { imported: ImportedModel; partition: Partition; network: Network },
): NodePlacement[] {
  const { imported, partition, network } = options;
  const { stayed, regions } = partition;
  const reasons = new Map(stayed.map(({ node, reason }) => [keyOf(node), reason]));
  const names = regions.flatMap(({ inputs }) => inputs.map(({ view }) => view.tensor));
  const before = cutModel(imported.model, { outputs: names, given: new Set() });
  const inHead = new Set(before.nodes.map(keyOf));
  const layers = layersOf(regions, network);
  const work = new Map(
    regions.flatMap(({ operations }) =>
      operations.flatMap((operation) => operation.nodes.map((node) => [keyOf(node), operation] as const)),
    ),
  );
  const left = new Set(imported.model.graph.nodes.map(keyOf));
  const outputs = original.graph.outputs.map(({ name }) => name);
  const used = new Set(cutModel(original, { outputs, given: new Set() }).nodes);
  return original.graph.nodes.map((node): NodePlacement => {
    const key = keyOf(node);
    const common = {
      node: node.name === '' ? (node.outputs[0] ?? '') : node.name,
      operator: operatorOf(node),
      inputs: node.inputs,
      outputs: node.outputs,
    };
    if (!used.has(node)) {
      return { ...common, placement: 'unused', reason: 'its result reaches no output of the model' };
    }
    const reason = reasons.get(key);
    if (reason !== undefined) {
      return { ...common, placement: inHead.has(key) ? 'host-head' : 'host-tail', reason };
    }
    const own = work.get(key);
    if (own !== undefined) {
      const layer = layers.get(own);
      const part = common.node === own.name ? titleOf(own) : `part of ${own.kind} ${own.name}`;
      return { ...common, placement: 'npu', reason: part, ...(layer === undefined ? {} : { layer }) };
    }
    return left.has(key)
      ? { ...common, placement: 'npu', reason: silentReason(node) }
      : { ...common, placement: 'folded', reason: 'its result is a constant' };
  });
}

/** What an operation is, and whether weights that the model gives in another form were quantised anew. */
function titleOf(operation: ImportedOperation): string {
  if (operation.kind !== 'convolution' || operation.input.quantisation === undefined) return operation.kind;
  return operation.given === undefined ? 'convolution, its weights quantised anew' : 'convolution';
}

/** The layer that does an operation's work: its own, or that of the operation it goes on to. */
function layersOf(regions: Partition['regions'], network: Network): ReadonlyMap<ImportedOperation, number> {
  const byOutput = new Map(network.layers.map(({ output }, index) => [output.name, index]));
  const found = new Map<ImportedOperation, number>();
  for (const operation of regions.flatMap(({ operations }) => [...operations].reverse())) {
    const reader = [...found.keys()].find((other) => inputsOf(other).includes(operation.output));
    const index =
      byOutput.get(operation.output.name) ?? (reader === undefined ? undefined : found.get(reader));
    if (index !== undefined) found.set(operation, index);
  }
  return found;
}

/** Of nodes that no operation was made of. */
function silentReason({ operator }: OnnxNode): string {
  return /^(Quantize|Dequantize)Linear$/.test(operator)
    ? 'part of the int8 form that the NPU computes in'
    : 'changes no number, only how they lie';
}

/** Nodes may be copies with other inputs; what they give is theirs alone. */
function keyOf({ outputs }: OnnxNode): string {
  return outputs.find((name) => name !== '') ?? '';
}
