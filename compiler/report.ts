import type { HardwareConfiguration } from '../contract/npu/hardware.generated.ts';
import type { LayerCost } from './backend/layer-costs.ts';
import type { CompiledNetwork, GroupPlan } from './network/compile-network.ts';
import type { OnnxNode } from './onnx/model.ts';
import type { QuantisedRegion } from './passes/region.ts';

/** What the compiler did with a model. */
export interface CompileReport {
  configuration: string;
  layers: LayerReport[];
  /** Every node of the model, in order: where it runs and why. */
  placement: NodePlacement[];
  /** Layers computed together, with the tiles chosen for them. */
  groups: GroupPlan[];
  /** Instructions of the whole program. */
  instructions: number;
  weightsBytes: number;
  arenaBytes: number;
}

/** One layer of the program. */
interface LayerReport extends LayerCost {
  inputCount: number;
  outputCount: number;
}

/** Where a node runs. */
interface NodePlacement {
  /** The node's name, or its first output when it has none. */
  node: string;
  operator: string;
  placement: 'npu' | 'host';
  reason: string;
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['Reshape', 'changes no byte: nothing is left to compute'],
  ['Flatten', 'changes no byte: nothing is left to compute'],
  ['Max', 'folded into the clamp of the layer before'],
  ['Min', 'folded into the clamp of the layer before'],
  ['Relu', 'folded into the clamp of the layer before'],
  ['Clip', 'folded into the clamp of the layer before'],
]);

/** Describes a compiled region. */
export function reportOn(
  region: QuantisedRegion,
  options: { configuration: HardwareConfiguration; compiled: CompiledNetwork },
): CompileReport {
  const { configuration, compiled } = options;
  return {
    configuration: configuration.name,
    layers: compiled.layers.map((cost, index) => ({
      ...cost,
      inputCount: region.layers[index]?.inputCount ?? 0,
      outputCount: region.layers[index]?.outputCount ?? 0,
    })),
    groups: compiled.groups,
    placement: [
      place(region.input.node, 'host', 'quantises the float input on the way to the NPU'),
      ...region.nodes.map((node) => place(node, 'npu', reasons.get(node.operator) ?? 'int8 matrix product')),
      place(region.output.node, 'host', 'turns the int8 output of the NPU to floats'),
    ],
    instructions: compiled.instructionCount,
    weightsBytes: compiled.memory.weightsBytes,
    arenaBytes: compiled.memory.arenaBytes,
  };
}

function place(node: OnnxNode, placement: NodePlacement['placement'], reason: string): NodePlacement {
  const name = node.name === '' ? (node.outputs[0] ?? '') : node.name;
  return { node: name, operator: node.operator, placement, reason };
}
