import type { OnnxNode } from './model.ts';
import type { AttributeMessage, GraphMessage } from './schema.ts';

/**
 * Names that the subgraphs of attributes read or give: some are the surrounding graph's. protobufjs limits
 * the nesting while decoding.
 */
export function namesInSubgraphs(attributes: readonly AttributeMessage[]): Set<string> {
  const names = new Set<string>();
  for (const graph of attributes.flatMap(subgraphsOf)) {
    for (const node of graph.node ?? []) {
      for (const name of node.input ?? []) names.add(name);
      for (const name of namesInSubgraphs(node.attribute ?? [])) names.add(name);
    }
    for (const output of graph.output ?? []) names.add(output.name ?? '');
  }
  return names;
}

/** Every tensor that a node may read: its inputs and the names in its subgraphs. */
export function namesReadBy(node: OnnxNode): Set<string> {
  return new Set([
    ...node.inputs.filter((name) => name !== ''),
    ...namesInSubgraphs(decodedAttributesOf(node)),
  ]);
}

/** Operators inside a node's subgraphs, nested ones included, each once and in order. */
export function innerOperatorsOf(node: OnnxNode): string[] {
  const operators = new Set<string>();
  const visit = (attributes: readonly AttributeMessage[]): void => {
    for (const inner of attributes.flatMap(subgraphsOf).flatMap((graph) => graph.node ?? [])) {
      operators.add(inner.opType ?? '');
      visit(inner.attribute ?? []);
    }
  };
  visit(decodedAttributesOf(node));
  return [...operators];
}

function decodedAttributesOf(node: OnnxNode): AttributeMessage[] {
  return [...node.attributes.values()].flatMap((attribute) =>
    attribute.kind === 'other' ? [attribute.message] : [],
  );
}

function subgraphsOf({ g, graphs = [] }: AttributeMessage): GraphMessage[] {
  return g === undefined ? graphs : [g, ...graphs];
}
