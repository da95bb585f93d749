import { SluiceError } from '../../contract/errors.ts';
import { describeNode, type OnnxNode } from './model.ts';

/** A node with every name that it reads, those inside its subgraphs included. */
export interface NodeReads {
  node: OnnxNode;
  reads: ReadonlySet<string>;
}

/**
 * Brings nodes into topological order; nodes already in order keep their place (Kahn's algorithm over a
 * first-in-first-out list). Throws `model_invalid` that names a node on a cycle.
 */
export function orderNodes(nodes: readonly NodeReads[]): OnnxNode[] {
  const producerOf = new Map<string, number>();
  for (const [index, { node }] of nodes.entries()) {
    for (const output of node.outputs) producerOf.set(output, index);
  }
  const readersOf = nodes.map((): number[] => []);
  const waitingFor = nodes.map(({ reads }, index) => {
    const producers = new Set<number>();
    for (const name of reads) {
      const producer = producerOf.get(name);
      if (producer !== undefined) producers.add(producer);
    }
    for (const producer of producers) readersOf[producer]?.push(index);
    return producers.size;
  });
  const ready = [...waitingFor.keys()].filter((index) => waitingFor[index] === 0);
  for (const producer of ready) {
    for (const reader of readersOf[producer] ?? []) {
      const left = (waitingFor[reader] ?? 0) - 1;
      waitingFor[reader] = left;
      if (left === 0) ready.push(reader);
    }
  }
  const stuck = nodes.find((_, index) => waitingFor[index] !== 0);
  if (stuck !== undefined) {
    throw new SluiceError(
      'model_invalid',
      `${describeNode(stuck.node)}: its inputs depend on its own outputs`,
    );
  }
  return ready.flatMap((index) => nodes[index]?.node ?? []);
}
