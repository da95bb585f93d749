import type { FeatureMap } from '../network/network.ts';
import type { Direction } from './graph.ts';

/** For each axis of a tensor the directions of a map that run along it, the slowest first. */
export type Axes = readonly (readonly Direction[])[];

const imageAxes: Axes = [[], ['channels'], ['rows'], ['columns']];
const lineAxes: Axes = [[], ['channels'], ['columns']];
const vectorAxes: Axes = [[], ['channels']];

/** Axes of a tensor whose second axis is the channels, as convolutions and pools take it; undefined for other ranks. */
export function channelsFirst(rank: number): Axes | undefined {
  return [undefined, undefined, vectorAxes, lineAxes, imageAxes][rank];
}

/** Axes of a tensor whose last axis is the channels, as matrix products take it; undefined when it has too many. */
export function channelsLast(shape: readonly number[]): Axes | undefined {
  const wide = [...shape.keys()].slice(0, -1).filter((axis) => shape[axis] !== 1);
  if (shape.length === 0 || wide.length > 2) return undefined;
  const directions: readonly Direction[] = wide.length === 2 ? ['rows', 'columns'] : ['columns'];
  return shape.map((_, axis) => {
    if (axis === shape.length - 1) return ['channels'];
    const direction = directions[wide.indexOf(axis)];
    return direction === undefined ? [] : [direction];
  });
}

/** Axes for a tensor of which nothing else is known: channels first where the batch is 1, else in order. */
export function defaultAxes(shape: readonly number[]): Axes | undefined {
  const usual = shape[0] === 1 ? channelsFirst(shape.length) : undefined;
  if (usual !== undefined) return usual;
  const wide = [...shape.keys()].filter((axis) => shape[axis] !== 1);
  if (wide.length > 3) return undefined;
  if (wide.length === 2 && shape.length === 2) return [['columns'], ['channels']];
  const directions: readonly Direction[] =
    wide.length === 2 ? ['channels', 'columns'] : ['channels', 'rows', 'columns'];
  return shape.map((_, axis) => {
    const direction = directions[wide.indexOf(axis)];
    return direction === undefined ? [] : [direction];
  });
}

/** Sizes of a map whose elements stand in a tensor of that shape, each axis having one direction at most. */
export function sizesOf(shape: readonly number[], axes: Axes): Omit<FeatureMap, 'name'> {
  const size = (direction: Direction): number => {
    const axis = axes.findIndex((directions) => directions.includes(direction));
    return axis === -1 ? 1 : (shape[axis] ?? 1);
  };
  return { channels: size('channels'), rows: size('rows'), columns: size('columns') };
}

/** Directions along an axis that count: those of size 1 may stand anywhere. */
export function wideDirections(map: Omit<FeatureMap, 'name'>, directions: readonly Direction[]): Direction[] {
  return directions.filter((direction) => map[direction] > 1);
}

/** Whether two lists of axes put a map's elements into the same order and shape. */
export function sameAxes(map: Omit<FeatureMap, 'name'>, first: Axes, second: Axes): boolean {
  return (
    first.length === second.length &&
    first.every((directions, axis) => {
      const one = wideDirections(map, directions);
      const other = wideDirections(map, second[axis] ?? []);
      return one.length === other.length && one.every((direction, index) => direction === other[index]);
    })
  );
}

/**
 * Axes of a map's tensor after a reshape; undefined when the new shape cuts through a direction, so that
 * the elements are no feature map any more.
 */
export function reshapeAxes(
  map: Omit<FeatureMap, 'name'>,
  axes: Axes,
  shape: readonly number[],
): Axes | undefined {
  const rest = wideDirections(map, axes.flat());
  const result: Direction[][] = [];
  for (const size of shape) {
    const directions: Direction[] = [];
    let covered = 1;
    while (covered < size) {
      const direction = rest.shift();
      if (direction === undefined) return undefined;
      directions.push(direction);
      covered *= map[direction];
    }
    result.push(directions);
  }
  return rest.length > 0 ? undefined : withChannels(map, result);
}

/** One channel has no axis to run along; it is given the one where channels usually stand. */
function withChannels(map: Omit<FeatureMap, 'name'>, axes: Direction[][]): Axes {
  if (map.channels === 1 && axes.length > 1 && axes[1]?.length === 0) axes[1] = ['channels'];
  return axes;
}

/** Whether the tensor's elements stand in the map's own order: channels, then rows, then columns. */
export function isOwnOrder(map: Omit<FeatureMap, 'name'>, axes: Axes): boolean {
  const order = wideDirections(map, axes.flat());
  const own = wideDirections(map, ['channels', 'rows', 'columns']);
  return order.length === own.length && order.every((direction, index) => direction === own[index]);
}

/** Axes of size 1 in front, up to a rank. */
export function padAxes(axes: Axes, rank: number): Axes {
  return [...new Array<readonly []>(Math.max(0, rank - axes.length)).fill([]), ...axes];
}
