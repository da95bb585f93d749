import { SluiceError } from '../../contract/errors.ts';
import { elementType } from '../onnx/element-types.ts';
import { describeNode, type OnnxModel, type OnnxNode } from '../onnx/model.ts';
import { type Boundary, boundaryOf, cutHead, cutTail } from './boundaries.ts';
import { cutModel } from './cut-model.ts';
import type { FactTable } from './facts.ts';
import {
  type HostNode,
  type ImportedMap,
  type ImportedOperation,
  inputsOf,
  multiplyAccumulatesOf,
} from './graph.ts';
import { hostMultiplyAccumulates } from './host-work.ts';
import type { ImportedModel } from './import-model.ts';
import { hardwareReason } from './limits.ts';

/** What decides between NPU and host. */
export interface PartitionOptions {
  /** Why the NPU at hand can't compute an operation (a limit of its memories); undefined when it can. */
  refuses?: (operation: ImportedOperation) => string | undefined;
}

/** Operations that run on the NPU as one program. */
export interface NpuRegion {
  operations: readonly ImportedOperation[];
  inputs: readonly Boundary[];
  outputs: readonly Boundary[];
  multiplyAccumulates: number;
}

/** A model divided into what runs before, on and behind the NPU. */
export interface Partition {
  /** The regions to run: the one with the most multiply-accumulates. */
  regions: readonly NpuRegion[];
  /** Computes the region's inputs; undefined when these are graph inputs as they are. */
  head?: OnnxModel;
  /** Computes the graph's outputs from the region's; undefined when these are them. */
  tail?: OnnxModel;
  /** Nodes of head and tail, each with the reason. */
  stayed: readonly HostNode[];
  /** Of the whole model, what stays included as far as shapes are known; and of the regions. */
  multiplyAccumulates: { total: number; npu: number };
}

/**
 * Divides an imported model. Regions are sets of operations between which nothing runs on the host, so
 * that head, region and tail run one after the other. Throws `model_unsupported` naming nodes and reasons
 * when no convolution or matrix product can run on the NPU.
 */
export function partition(imported: ImportedModel, options: PartitionOptions = {}): Partition {
  const { model } = imported;
  const layers = new Layering(imported, options);
  const chosen = layers.regionWithMostWork();
  if (chosen.length === 0) {
    throw nothingToRun([...imported.graph.hostNodes, ...layers.refusedNodes()], imported.facts);
  }
  const available = new Map<string, ImportedMap>();
  for (const { output } of chosen) for (const { tensor } of output.tensors) available.set(tensor, output);
  const outputNames = model.graph.outputs.map(({ name }) => name);
  const tailCut = cutModel(model, { outputs: outputNames, given: new Set(available.keys()) });
  const leaving = new Set([...tailCut.reads].flatMap((name) => available.get(name) ?? []));
  const operations = ancestorsOf(leaving, chosen);
  const made = new Set(operations.map(({ output }) => output));
  const entering = new Set(operations.flatMap(inputsOf).filter((map) => !made.has(map)));
  const inputs = [...entering].map((map) => boundaryOf(map, imported));
  const outputs = [...leaving].map((map) => boundaryOf(map, imported, tailCut.reads));
  const head = cutHead(imported, inputs);
  const tail = cutTail(imported, { outputs, available });
  const work = operations.reduce((sum, operation) => sum + multiplyAccumulatesOf(operation), 0);
  const headNodes = cutModel(model, {
    outputs: inputs.map(({ view }) => view.tensor),
    given: new Set(),
  }).nodes;
  return {
    regions: [{ operations, inputs, outputs, multiplyAccumulates: work }],
    ...(head === undefined ? {} : { head }),
    ...(tail === undefined ? {} : { tail }),
    stayed: layers.reasonsFor(new Set([...headNodes, ...tailCut.nodes])),
    multiplyAccumulates: { npu: work, total: layers.totalWork() },
  };
}

function nothingToRun(hostNodes: readonly HostNode[], facts: FactTable): SluiceError {
  const shown = [...hostNodes].sort((first, second) => weightOf(second) - weightOf(first)).slice(0, 2);
  const reasons = shown.map(({ node, reason }) => `${describeNode(node)}: ${reason}`).join('; ');
  return new SluiceError(
    'model_unsupported',
    `ONNX model: no convolution or matrix product of it can run on the NPU${reasons === '' ? '' : ` (${reasons})`}; ${isShortFloat(hostNodes, facts) ? 'export the model as float32' : 'serve it on the CPU'}`,
  );
}

/** Whether every product stays because its weights are floats of 16 bits. */
function isShortFloat(hostNodes: readonly HostNode[], facts: FactTable): boolean {
  const products = hostNodes.filter((host) => weightOf(host) > 0);
  const isShort = ({ node }: HostNode): boolean => {
    const type = facts.input(node, 1)?.elementType;
    const hasShortWeights = type === elementType.FLOAT16 || type === elementType.BFLOAT16;
    return hasShortWeights && /^(Conv|Gemm|MatMul)$/.test(node.operator);
  };
  return products.length > 0 && products.every(isShort);
}

/** Nodes that explain a refusal best: those that would have been the work. */
function weightOf({ node }: HostNode): number {
  return /^(If|Loop|Scan|LSTM|GRU|RNN|Conv|ConvTranspose|Gemm|MatMul)/.test(node.operator) ? 1 : 0;
}

/** Operations that the given maps need, in order. */
function ancestorsOf(
  maps: ReadonlySet<ImportedMap>,
  operations: readonly ImportedOperation[],
): ImportedOperation[] {
  const needed = new Set(maps);
  const kept = operations.toReversed().filter((operation) => {
    if (!needed.has(operation.output)) return false;
    for (const input of inputsOf(operation)) needed.add(input);
    return true;
  });
  return kept.reverse();
}

/**
 * Gives each map the number of times that data on its way to it went from the NPU to the host: operations
 * of one number have no host node between them.
 */
class Layering {
  readonly #imported: ImportedModel;
  readonly #levels = new Map<ImportedMap, number>();
  /** Operations that the NPU takes, by number. */
  readonly #regions = new Map<number, ImportedOperation[]>();
  readonly #refused = new Map<ImportedOperation, string>();
  readonly #onNpu = new Set<ImportedMap>();
  readonly #mapOf = new Map<string, ImportedMap>();
  /** Tensors of the model that are no constants. */
  readonly #known: ReadonlySet<string>;

  constructor(imported: ImportedModel, options: PartitionOptions) {
    this.#imported = imported;
    const { operations } = imported.graph;
    const { inputs, nodes } = imported.model.graph;
    this.#known = new Set([...inputs.map(({ name }) => name), ...nodes.flatMap(({ outputs }) => outputs)]);
    for (const { output } of operations) {
      for (const { tensor } of output.tensors) this.#mapOf.set(tensor, output);
    }
    for (const operation of operations) this.#place(operation, options);
  }

  regionWithMostWork(): readonly ImportedOperation[] {
    let best: readonly ImportedOperation[] = [];
    let most = 0;
    for (const operations of this.#regions.values()) {
      const work = operations.reduce((sum, operation) => sum + multiplyAccumulatesOf(operation), 0);
      if (work > most) [best, most] = [operations, work];
    }
    return best;
  }

  /** Multiply-accumulates of all operations and of the host nodes whose shapes are known. */
  totalWork(): number {
    const { graph, facts } = this.#imported;
    const operations = graph.operations.reduce((sum, operation) => sum + multiplyAccumulatesOf(operation), 0);
    // A quantised operator stands there once for each node that it was spelled out as.
    const nodes = new Set(graph.hostNodes.map(({ node }) => node));
    return [...nodes].reduce((sum, node) => sum + hostMultiplyAccumulates(node, facts), operations);
  }

  /** Nodes of operations that the NPU at hand does not take. */
  refusedNodes(): HostNode[] {
    return [...this.#refused].flatMap(([{ nodes }, reason]) => nodes.map((node) => ({ node, reason })));
  }

  /** Why each of the nodes stays. */
  reasonsFor(nodes: ReadonlySet<OnnxNode>): HostNode[] {
    const reasons = new Map(this.#imported.graph.hostNodes.map(({ node, reason }) => [node, reason]));
    for (const [{ nodes: own }, reason] of this.#refused) for (const node of own) reasons.set(node, reason);
    const { model } = this.#imported;
    return model.graph.nodes
      .filter((node) => nodes.has(node))
      .map((node) => ({
        node,
        reason: reasons.get(node) ?? 'it works for nodes that stay, or in a smaller region behind them',
      }));
  }

  #place(operation: ImportedOperation, { refuses }: PartitionOptions): void {
    const inputs = inputsOf(operation);
    const isStep = inputs.some((map) => !this.#onNpu.has(map) && !this.#isTensorOfModel(map));
    const reason = isStep ? 'a step before it stays' : (hardwareReason(operation) ?? refuses?.(operation));
    const level = Math.max(...inputs.map((map) => this.#levelOf(map)));
    if (reason === undefined) {
      this.#levels.set(operation.output, level);
      this.#onNpu.add(operation.output);
      this.#regions.set(level, [...(this.#regions.get(level) ?? []), operation]);
      return;
    }
    this.#refused.set(operation, reason);
    this.#levels.set(operation.output, Math.max(level, ...inputs.map((map) => this.#levelOnHost(map))));
  }

  /** Steps inside an operator have no tensor that a head could give. */
  #isTensorOfModel({ tensors }: ImportedMap): boolean {
    return tensors.some(({ tensor }) => this.#known.has(tensor));
  }

  #levelOf(map: ImportedMap): number {
    const known = this.#levels.get(map);
    if (known !== undefined) return known;
    const names = map.tensors.map(({ tensor }) => tensor);
    const cut = cutModel(this.#imported.model, { outputs: names, given: new Set(this.#mapOf.keys()) });
    const before = [...cut.reads].flatMap((name) => this.#mapOf.get(name) ?? []);
    const level = Math.max(0, ...before.map((each) => this.#levelOnHost(each)));
    this.#levels.set(map, level);
    return level;
  }

  /** The number of a map's data once the host has it. */
  #levelOnHost(map: ImportedMap): number {
    return this.#levelOf(map) + (this.#onNpu.has(map) ? 1 : 0);
  }
}
