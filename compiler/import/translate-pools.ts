import { integerAttribute, integersAttribute, type OnnxNode } from '../onnx/model.ts';
import { type Axes, channelsFirst, wideDirections } from './axes.ts';
import { normaliseAxis } from './facts.ts';
import type { ImportedMap } from './graph.ts';
import { decline, type GraphBuilder } from './graph-builder.ts';
import { pixelWindow } from './translate-affine.ts';
import { outputShape } from './translate-layout.ts';
import { windowOf } from './translate-linear.ts';
import { type WindowSizes, windowSizesOf } from './windows.ts';

interface PoolInput {
  input: ImportedMap;
  axes: Axes;
  isInteger: boolean;
  sizes: readonly number[];
}

function poolInput(node: OnnxNode, builder: GraphBuilder): PoolInput {
  const { shape, isInteger } = builder.value(node, 0);
  const axes = channelsFirst(shape.length);
  if (axes === undefined || shape.length < 3)
    decline(`${shape.length - 2} spatial axes; the NPU takes one or two`);
  return { input: builder.map(node, 0, axes), axes, isInteger, sizes: shape.slice(2) };
}

/** MaxPool. */
export function translateMaximumPool(node: OnnxNode, builder: GraphBuilder): void {
  const indices = node.outputs[1] ?? '';
  if (indices !== '' && (builder.readersOf(indices).length > 0 || builder.isGraphOutput(indices))) {
    decline('its indices are read');
  }
  const pool = poolInput(node, builder);
  const sizes = windowSizesOf(node, {
    input: pool.sizes,
    kernel: integersAttribute(node, 'kernel_shape') ?? [],
  });
  emitPool(node, builder, { pool, sizes, kind: 'maximum-pool' });
}

/** GlobalMaxPool. */
export function translateGlobalMaximum(node: OnnxNode, builder: GraphBuilder): void {
  const pool = poolInput(node, builder);
  emitPool(node, builder, {
    pool,
    sizes: windowSizesOf(node, { input: pool.sizes, kernel: pool.sizes }),
    kind: 'maximum-pool',
  });
}

/** AveragePool whose divisor is the same everywhere: without padding, or with the padding counted. */
export function translateAveragePool(node: OnnxNode, builder: GraphBuilder): void {
  const pool = poolInput(node, builder);
  const sizes = windowSizesOf(node, {
    input: pool.sizes,
    kernel: integersAttribute(node, 'kernel_shape') ?? [],
  });
  const isPadded = [...sizes.padsBefore, ...sizes.padsAfter].some((pad) => pad > 0);
  if (isPadded && integerAttribute(node, 'count_include_pad', 0) === 0) {
    decline('count_include_pad is 0 with padding, so that windows at the edges have divisors of their own');
  }
  if (sizes.overhang.some((overhang) => overhang > 0)) decline('ceil_mode lets windows hang over the edge');
  const isWhole = sizes.kernel.every((size, axis) => size === pool.sizes[axis]);
  if (isWhole && !isPadded) translateGlobalAverage(node, builder);
  else emitPool(node, builder, { pool, sizes, kind: 'average-pool' });
}

function emitPool(
  node: OnnxNode,
  builder: GraphBuilder,
  options: { pool: PoolInput; sizes: WindowSizes; kind: 'maximum-pool' | 'average-pool' },
): void {
  const { pool, sizes, kind } = options;
  const { input, axes, isInteger } = pool;
  const [rows = 1, columns = 1] = sizes.output.length === 1 ? [1, ...sizes.output] : sizes.output;
  builder.emit(
    node,
    { kind, input, window: windowOf(sizes) },
    {
      tensor: node.outputs[0] ?? '',
      sizes: { channels: input.channels, rows, columns },
      axes,
      isInteger,
      quantisation: isInteger ? input.quantisation : undefined,
    },
  );
}

/** GlobalAveragePool. */
export function translateGlobalAverage(node: OnnxNode, builder: GraphBuilder): void {
  const { input, axes } = poolInput(node, builder);
  builder.emit(
    node,
    { kind: 'global-average', input },
    {
      tensor: node.outputs[0] ?? '',
      sizes: { channels: input.channels, rows: 1, columns: 1 },
      axes,
    },
  );
}

/** ReduceMean over all pixels, or over all rows or all columns. */
export function translateReduceMean(node: OnnxNode, builder: GraphBuilder): void {
  const { map, axes, shape, isInteger } = builder.value(node, 0);
  if (isInteger) decline('computes on quantised integers');
  const given = builder.facts.axes(node, 1) ?? decline('its axes are computed or left out');
  const reduced = new Set(given.map((axis) => normaliseAxis(node, axis, shape.length)));
  const directions = new Set([...reduced].flatMap((axis) => wideDirections(map, axes[axis] ?? [])));
  if (directions.size === 0 || directions.has('channels')) {
    decline(`averages axes [${given}] of [${shape}]; the NPU averages rows and columns`);
  }
  const input = builder.materialise(node.inputs[0] ?? '');
  const rows = directions.has('rows') ? 1 : map.rows;
  const columns = directions.has('columns') ? 1 : map.columns;
  const keeps = integerAttribute(node, 'keepdims', 1) !== 0;
  const kept = axes.map((each, axis) =>
    reduced.has(axis) ? each.filter((one) => one === 'channels') : each,
  );
  const result = {
    tensor: node.outputs[0] ?? '',
    sizes: { channels: map.channels, rows, columns },
    axes: keeps ? kept : kept.filter((_, axis) => !reduced.has(axis)),
  };
  outputShape(node, builder);
  if (rows * columns === 1) {
    builder.emit(node, { kind: 'global-average', input }, result);
    return;
  }
  const window = {
    ...pixelWindow,
    kernelRows: map.rows / rows,
    kernelColumns: map.columns / columns,
  };
  builder.emit(node, { kind: 'average-pool', input, window }, result);
}
