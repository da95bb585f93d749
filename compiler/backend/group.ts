import type { BlockedMap, Operation, View } from './operations.ts';
import { alignedRange, type InputRange, inputRangeOf, type Range, unionOf } from './ranges.ts';

/** The axes along which a group's output is cut into tiles. */
export type Axis = 'blocks' | 'rows' | 'columns';

/**
 * Consecutive operations computed tile by tile of the last one's output: the maps between them exist only
 * as tiles, on chip.
 */
export interface Group {
  operations: readonly Operation[];
  /** Maps that only this group knows. */
  internals: readonly BlockedMap[];
  /** Other maps that it reads. */
  sources: readonly BlockedMap[];
  /** View that the last operation writes. */
  output: View;
}

/** What one tile needs along one axis. */
export interface AxisDemand {
  /** Range that each operation computes, from the beginning of its output view. */
  outputs: readonly Range[];
  /** Range that each operand of each operation reads, from the beginning of its view. */
  operands: readonly (readonly InputRange[])[];
  /** Range of each source that is read, from the beginning of the map. */
  sources: readonly Range[];
  /** Range of each internal map that is computed. */
  internals: readonly Range[];
}

/** Makes a group of consecutive operations, given the maps that nothing else reads. */
export function groupOf(operations: readonly Operation[], internals: readonly BlockedMap[]): Group {
  const last = operations.at(-1);
  if (last === undefined) throw new Error('a group has operations');
  const read = new Set(operations.flatMap(({ inputs }) => inputs.map(({ map }) => map)));
  return {
    operations,
    internals,
    sources: [...read].filter((map) => !internals.includes(map)),
    output: last.output,
  };
}

/** Follows a range of the group's output back through its operations. */
export function demandOf(group: Group, axis: Axis, range: Range): AxisDemand {
  const { operations, internals, sources } = group;
  const outputs: Range[] = [];
  const operands: InputRange[][] = [];
  const needed = new Map<BlockedMap, Range>();
  for (let index = operations.length - 1; index >= 0; index -= 1) {
    const operation = operations[index] as Operation;
    const asked = index === operations.length - 1 ? range : needed.get(operation.output.map);
    if (asked === undefined) throw new Error(`nothing in its group reads ${operation.name}`);
    const output = axis === 'blocks' ? asked : alignedRange(asked, operation[axis]);
    outputs[index] = output;
    if (index < operations.length - 1) needed.set(operation.output.map, output);
    operands[index] = operation.inputs.map((view, operand) => {
      const read = operandRange(operation, { axis, operand, output });
      const shift = axis === 'blocks' ? view.firstBlock : 0;
      needed.set(
        view.map,
        unionOf(needed.get(view.map), { start: read.start + shift, end: read.end + shift }),
      );
      return read;
    });
  }
  const rangeOf = (map: BlockedMap): Range => needed.get(map) ?? { start: 0, end: 0 };
  return { outputs, operands, sources: sources.map(rangeOf), internals: internals.map(rangeOf) };
}

function operandRange(
  operation: Operation,
  options: { axis: Axis; operand: number; output: Range },
): InputRange {
  const { axis, operand, output } = options;
  if (axis === 'blocks') {
    if (operation.kind !== 'convolve') return { ...output, padBefore: 0 };
    const { groupInputBlocks, groupOutputBlocks } = operation;
    const first = Math.floor(output.start / groupOutputBlocks);
    const end = Math.ceil(output.end / groupOutputBlocks);
    const most = operation.inputs[0]?.blocks ?? 0;
    return {
      start: first * groupInputBlocks,
      end: Math.min(end * groupInputBlocks, most),
      padBefore: 0,
    };
  }
  const isBroadcast = operation.kind !== 'convolve' && operation.kind !== 'pool' && operation.broadcast;
  if (isBroadcast && operand === 1) return { start: 0, end: 1, padBefore: 0 };
  return inputRangeOf(output, operation[axis]);
}

/** Ranges of tiles of `size` that cover `length`. */
export function tilesOf(length: number, size: number): Range[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, index) => ({
    start: index * size,
    end: Math.min((index + 1) * size, length),
  }));
}

/** Length of a group's output along an axis. */
export function outputLength({ output }: Group, axis: Axis): number {
  return axis === 'blocks' ? output.blocks : output.map[axis];
}
