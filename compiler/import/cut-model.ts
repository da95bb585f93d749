import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from '../onnx/model.ts';
import { namesReadBy } from '../onnx/subgraphs.ts';

/** Nodes that compute tensors from others. */
export interface Cut {
  /** In the model's order. */
  nodes: readonly OnnxNode[];
  /** Initialisers that they read. */
  initialisers: ReadonlyMap<string, OnnxTensor>;
  /** Tensors that the walk stopped at: those given, and graph inputs. */
  reads: ReadonlySet<string>;
}

/** The nodes that `outputs` need when the tensors of `given` are there already. */
export function cutModel(
  { graph }: OnnxModel,
  { outputs, given }: { outputs: readonly string[]; given: ReadonlySet<string> },
): Cut {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  const nodes = new Set<OnnxNode>();
  const initialisers = new Map<string, OnnxTensor>();
  const reads = new Set<string>();
  const waiting = [...outputs];
  const seen = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const tensor = graph.initialisers.get(name);
    const producer = producers.get(name);
    if (given.has(name)) reads.add(name);
    else if (tensor !== undefined) initialisers.set(name, tensor);
    else if (producer !== undefined) {
      nodes.add(producer);
      waiting.push(...namesReadBy(producer));
    } else if (graph.inputs.some((input) => input.name === name)) reads.add(name);
  }
  return { nodes: graph.nodes.filter((node) => nodes.has(node)), initialisers, reads };
}

/**
 * The part of a model between tensors, as a model of its own; `inputs` and `outputs` say their types and
 * shapes. Inputs that no node of the part reads are left out.
 */
export function extractSubModel(
  model: OnnxModel,
  { inputs, outputs }: { inputs: readonly OnnxValue[]; outputs: readonly OnnxValue[] },
): OnnxModel {
  const cut = cutModel(model, {
    outputs: outputs.map(({ name }) => name),
    given: new Set(inputs.map(({ name }) => name)),
  });
  const graphInputs = [
    ...inputs.filter(({ name }) => cut.reads.has(name)),
    ...model.graph.inputs.filter(
      ({ name }) => cut.reads.has(name) && !inputs.some((input) => input.name === name),
    ),
  ];
  return {
    ...model,
    graph: {
      name: model.graph.name,
      nodes: cut.nodes,
      initialisers: cut.initialisers,
      inputs: graphInputs,
      outputs,
    },
  };
}
