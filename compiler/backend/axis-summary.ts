import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import { convolutionFields } from '../../contract/npu/instructions.generated.ts';
import { type Axis, type AxisDemand, demandOf, type Group, outputLength, tilesOf } from './group.ts';
import { fieldMax } from './lower-window.ts';
import type { BlockedMap } from './operations.ts';
import { lengthOf, type Range } from './ranges.ts';

/** Lengths of one range over all tiles of an axis. */
export interface Extent {
  sum: number;
  most: number;
  /** The same in lines; equal along other axes than columns. */
  lineSum: number;
  lineMost: number;
  /** Whether every tile has the very same range. */
  isConstant: boolean;
}

/** What the tiles of one size along one axis need. */
export interface AxisSummary {
  count: number;
  outputs: readonly Extent[];
  sources: readonly Extent[];
  internals: readonly Extent[];
}

/** Maps that lie in activation memory as a whole. */
export type IsResident = (map: BlockedMap) => boolean;

const sizeMax = fieldMax(convolutionFields, 'outputRows');
const padMax = fieldMax(convolutionFields, 'padTop');

/**
 * Sums up an axis cut into tiles of `size`; undefined when an instruction could not name a tile: more than
 * 1,023 rows or columns, padding above 63, or columns that begin in the middle of a line.
 */
export function summariseAxis(
  group: Group,
  options: { axis: Axis; size: number; configuration: HardwareConfiguration; isResident: IsResident },
): AxisSummary | undefined {
  const { axis, size, configuration, isResident } = options;
  const demands = tilesOf(outputLength(group, axis), size).map((range) => demandOf(group, axis, range));
  if (!demands.every((demand) => isEncodable(demand, axis))) return undefined;
  if (axis === 'columns') {
    const { pixelParallel } = configuration;
    if (!demands.every((demand) => isAligned(group, { demand, pixelParallel, isResident }))) return undefined;
  }
  const pixels = axis === 'columns' ? configuration.pixelParallel : 1;
  const extents = (of: (demand: AxisDemand) => readonly Range[], count: number): Extent[] =>
    Array.from({ length: count }, (_, index) =>
      extentOf(
        demands.map((demand) => of(demand)[index] as Range),
        pixels,
      ),
    );
  return {
    count: demands.length,
    outputs: extents(({ outputs }) => outputs, group.operations.length),
    sources: extents(({ sources }) => sources, group.sources.length),
    internals: extents(({ internals }) => internals, group.internals.length),
  };
}

function extentOf(ranges: readonly Range[], pixels: number): Extent {
  const [first] = ranges;
  const extent: Extent = { sum: 0, most: 0, lineSum: 0, lineMost: 0, isConstant: true };
  for (const range of ranges) {
    const length = lengthOf(range);
    const lines = Math.ceil(length / pixels);
    extent.sum += length;
    extent.most = Math.max(extent.most, length);
    extent.lineSum += lines;
    extent.lineMost = Math.max(extent.lineMost, lines);
    extent.isConstant &&= range.start === first?.start && range.end === first.end;
  }
  return extent;
}

function isEncodable({ outputs, operands }: AxisDemand, axis: Axis): boolean {
  if (axis === 'blocks') return true;
  const fits = (range: Range): boolean => lengthOf(range) <= sizeMax;
  return outputs.every(fits) && operands.flat().every((range) => fits(range) && range.padBefore <= padMax);
}

/** An operand's first column must be the first word of a line, wherever its tile lies. */
function isAligned(
  { operations, internals, sources, output }: Group,
  options: { demand: AxisDemand; pixelParallel: number; isResident: IsResident },
): boolean {
  const { demand, pixelParallel, isResident } = options;
  const originOf = (map: BlockedMap): number => {
    if (isResident(map)) return 0;
    const range = demand.sources[sources.indexOf(map)] ?? demand.internals[internals.indexOf(map)];
    return range?.start ?? 0;
  };
  const outputStart = demand.outputs.at(-1)?.start ?? 0;
  if (isResident(output.map) && outputStart % pixelParallel !== 0) return false;
  return operations.every(({ inputs }, index) =>
    inputs.every((view, operand) => {
      const start = demand.operands[index]?.[operand]?.start ?? 0;
      return (start - originOf(view.map)) % pixelParallel === 0;
    }),
  );
}
