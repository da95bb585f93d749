import type { OnnxModel } from '../onnx/model.ts';
import { readModel } from '../onnx/read-model.ts';
import { namesReadBy } from '../onnx/subgraphs.ts';
import { bindShapes, type InputShapes } from './bind-shapes.ts';
import { checkModel } from './check-model.ts';
import { cutModel } from './cut-model.ts';
import type { FactTable } from './facts.ts';
import { foldOperations } from './fold-operations.ts';
import { foldShuffles } from './fold-shuffles.ts';
import type { ImportedGraph, ImportedMap } from './graph.ts';
import { inferFacts } from './infer.ts';
import { splitAverages } from './split-averages.ts';
import { translate } from './translate.ts';

/** How to import. */
export interface ImportOptions {
  /** Dimensions of inputs that the model leaves open, by name. */
  shapes?: InputShapes;
}

/** A model with what the NPU could compute of it. */
export interface ImportedModel {
  graph: ImportedGraph;
  /** The file's model with fixed inputs, its constants computed and nothing in it that no output needs: what head and tail are cut from. */
  model: OnnxModel;
  /** Types, shapes and constants of its tensors. */
  facts: FactTable;
}

/**
 * Reads an ONNX model, float or quantised, and finds the operations that an int8 NPU can compute. Throws
 * `model_invalid` for a broken file or shapes and weights that cannot be, `model_unsupported` for what no
 * route runs or for dimensions that stay open, each naming the place and what to do.
 */
export async function importModel(
  bytes: Uint8Array,
  { shapes = {} }: ImportOptions = {},
): Promise<ImportedModel> {
  const read = readModel(bytes);
  const opset = checkModel(read);
  const model = withoutUnused(bindShapes(read, shapes));
  const { facts, ...inferred } = await inferFacts(model, opset);
  const builder = translate({ facts, ...inferred });
  const isNeeded = ({ tensors }: ImportedMap): boolean =>
    tensors.some(({ tensor }) => builder.isGraphOutput(tensor) || builder.hostReads.has(tensor));
  const operations = foldShuffles(foldOperations(builder.operations, isNeeded), isNeeded);
  const { sources, hostNodes } = builder;
  const graph = { name: model.graph.name, operations: splitAverages(operations), sources, hostNodes };
  return { graph, model: withConstants(model, facts), facts };
}

/** The model without the nodes whose results reach none of its outputs. */
function withoutUnused(model: OnnxModel): OnnxModel {
  const outputs = model.graph.outputs.map(({ name }) => name);
  const { nodes } = cutModel(model, { outputs, given: new Set() });
  return { ...model, graph: { ...model.graph, nodes } };
}

/** The model without the nodes that give constants; these become initialisers where something reads them. */
function withConstants(model: OnnxModel, facts: FactTable): OnnxModel {
  const { graph } = model;
  const initialisers = new Map(graph.initialisers);
  // DequantizeLinear stays: its integers are smaller than its floats.
  const nodes = graph.nodes.filter(({ operator, outputs }) => {
    const isConstant = outputs.every((name) => name === '' || facts.all.get(name)?.constant !== undefined);
    return operator === 'DequantizeLinear' || !isConstant;
  });
  const kept = new Set(nodes.flatMap(({ outputs }) => outputs));
  const read = new Set([
    ...nodes.flatMap((node) => [...namesReadBy(node)]),
    ...graph.outputs.map(({ name }) => name),
  ]);
  for (const name of read) {
    const constant = facts.all.get(name)?.constant;
    if (constant !== undefined && !kept.has(name)) initialisers.set(name, { ...constant, name });
  }
  return { ...model, graph: { ...graph, nodes, initialisers } };
}
