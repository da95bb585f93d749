import type { OnnxNode } from '../onnx/model.ts';
import { type Axes, wideDirections } from './axes.ts';
import type { Direction, ImportedMap } from './graph.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { keepsQuantisation } from './quantised-values.ts';
import { transposeOrder } from './shape-rules.ts';

/** Operators that bring elements into another order or shape, or say once more what quantisation they have. */
const rearranging: ReadonlySet<string> = new Set(
  'Reshape Flatten Squeeze Unsqueeze Transpose Identity QuantizeLinear DequantizeLinear'.split(' '),
);

const quantising: ReadonlySet<string> = new Set(['QuantizeLinear', 'DequantizeLinear']);

/** Nodes that a shuffle may be spelled in, those of a QDQ model included. */
const nodesMax = 16;

/** Part of a direction that runs along an axis: elements `pitch` apart. */
interface Factor {
  direction: Direction;
  size: number;
  pitch: number;
}

/**
 * A Reshape that cuts through the channels, when what follows it brings them back in another order: Reshape
 * to groups, Transpose, Reshape. One operation does the work of all these nodes. False when it is no such.
 */
export function translateShuffle(node: OnnxNode, builder: GraphBuilder): boolean {
  const value = builder.value(node, 0);
  const { map } = value;
  const nodes: OnnxNode[] = [];
  let axes: readonly (readonly Factor[])[] | undefined = value.axes.map((each) =>
    wideDirections(map, each).map((direction) => ({ direction, size: map[direction], pitch: 1 })),
  );
  let next: OnnxNode | undefined = node;
  while (next !== undefined && nodes.length < nodesMax) {
    nodes.push(next);
    axes = axesBehind(next, { axes, map, builder });
    if (axes === undefined) return false;
    const shuffled = shuffledAxes(map, axes);
    if (shuffled !== undefined) {
      const input = builder.materialise(node.inputs[0] ?? '');
      builder.emit(
        next,
        { kind: 'shuffle', input, order: shuffled.order },
        {
          tensor: next.outputs[0] ?? '',
          sizes: input,
          axes: shuffled.axes,
          isInteger: integersBehind(nodes, value.isInteger),
          quantisation: input.quantisation,
          nodes: nodes.slice(0, -1),
        },
      );
      builder.skip(nodes);
      return true;
    }
    next = soleReader(next.outputs[0] ?? '', builder);
  }
  return false;
}

/** Whether a tensor holds integers behind nodes. */
function integersBehind(nodes: readonly OnnxNode[], before: boolean): boolean {
  const last = nodes.findLast(({ operator }) => quantising.has(operator));
  return last === undefined ? before : last.operator === 'QuantizeLinear';
}

/** The one node that reads a tensor and only rearranges it. */
function soleReader(name: string, builder: GraphBuilder): OnnxNode | undefined {
  const [reader, ...others] = builder.readersOf(name);
  if (reader === undefined || others.length > 0 || builder.isGraphOutput(name)) return undefined;
  const isOne = reader.domain === '' && rearranging.has(reader.operator) && reader.inputs[0] === name;
  return isOne ? reader : undefined;
}

function axesBehind(
  node: OnnxNode,
  { axes, map, builder }: { axes: readonly (readonly Factor[])[]; map: ImportedMap; builder: GraphBuilder },
): readonly (readonly Factor[])[] | undefined {
  if (quantising.has(node.operator)) return keepsQuantisation(node, builder, map) ? axes : undefined;
  if (node.operator === 'Transpose') {
    return transposeOrder(node, axes.length).map((axis) => [...(axes[axis] ?? [])]);
  }
  const shape = builder.facts.all.get(node.outputs[0] ?? '')?.shape;
  return shape === undefined ? undefined : regrouped(axes.flat(), shape);
}

/** The same elements in another shape; undefined when its sizes do not divide those of the directions. */
function regrouped(factors: readonly Factor[], shape: readonly number[]): Factor[][] | undefined {
  const rest = [...factors];
  const result = shape.map((size) => {
    const axis: Factor[] = [];
    let wanted = size;
    while (wanted > 1) {
      const factor = rest.shift();
      if (factor === undefined) return undefined;
      const { direction, pitch } = factor;
      const taken = Math.min(wanted, factor.size);
      const left = factor.size / taken;
      if (!Number.isInteger(left) || wanted % taken !== 0) return undefined;
      axis.push({ direction, size: taken, pitch: pitch * left });
      if (left > 1) rest.unshift({ direction, size: left, pitch });
      wanted /= taken;
    }
    return axis;
  });
  const isWhole = rest.length === 0 && result.every((axis) => axis !== undefined);
  return isWhole ? result.filter((axis) => axis !== undefined) : undefined;
}

/** The order of channels, when everything else is whole and they stand together; undefined otherwise. */
function shuffledAxes(
  map: ImportedMap,
  axes: readonly (readonly Factor[])[],
): { axes: Axes; order: Int32Array } | undefined {
  const runs = axes.map(runsOf);
  const directions = runs.flat().map(([factor]) => factor?.direction);
  if (new Set(directions).size !== directions.length) return undefined;
  for (const run of runs.flat()) {
    if (run[0]?.direction !== 'channels' && run.length > 1) return undefined;
  }
  const channels = runs.flat().find(([factor]) => factor?.direction === 'channels') ?? [];
  return {
    axes: runs.map((list) => list.flatMap(([factor]) => (factor === undefined ? [] : [factor.direction]))),
    order: Int32Array.from({ length: map.channels }, (_, channel) => placeOf(channel, channels)),
  };
}

/** Factors of one direction that stand beside each other, joined where they run on. */
function runsOf(axis: readonly Factor[]): Factor[][] {
  const runs: Factor[][] = [];
  for (const factor of axis) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run === undefined || last?.direction !== factor.direction) runs.push([factor]);
    else if (last.pitch !== factor.size * factor.pitch) run.push(factor);
    else run[run.length - 1] = { ...factor, size: last.size * factor.size };
  }
  return runs;
}

function placeOf(channel: number, factors: readonly Factor[]): number {
  let rest = channel;
  let place = 0;
  for (const { size, pitch } of factors.toReversed()) {
    place += (rest % size) * pitch;
    rest = Math.floor(rest / size);
  }
  return place;
}
