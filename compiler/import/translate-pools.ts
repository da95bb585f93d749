import { pixelWindow } from '../network/pixel-window.ts';
import { integerAttribute, integersAttribute, type OnnxNode } from '../onnx/model.ts';
import { type Axes, channelsFirst, wideDirections } from './axes.ts';
import { normaliseAxis } from './facts.ts';
import type { ImportedMap } from './graph.ts';
import { decline, type GraphBuilder } from './graph-builder.ts';
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
  emitPool(node, builder, { pool, sizes, body: { kind: 'maximum-pool' } });
}

/** GlobalMaxPool. */
export function translateGlobalMaximum(node: OnnxNode, builder: GraphBuilder): void {
  const pool = poolInput(node, builder);
  emitPool(node, builder, {
    pool,
    sizes: windowSizesOf(node, { input: pool.sizes, kernel: pool.sizes }),
    body: { kind: 'maximum-pool' },
  });
}

/** AveragePool; padding that is left out of the divisor is so only where a window reads any. */
export function translateAveragePool(node: OnnxNode, builder: GraphBuilder): void {
  const pool = poolInput(node, builder);
  const sizes = windowSizesOf(node, {
    input: pool.sizes,
    kernel: integersAttribute(node, 'kernel_shape') ?? [],
  });
  if (sizes.dilations.some((dilation) => dilation > 1)) decline('its window is dilated');
  const isHanging = sizes.overhang.some((overhang) => overhang > 0);
  const countsPadding = integerAttribute(node, 'count_include_pad', 0) !== 0;
  const isPadded = [...sizes.padsBefore, ...sizes.padsAfter].some((pad) => pad > 0);
  if (isHanging && isPadded && countsPadding) {
    decline('ceil_mode lets windows hang over padding that counts');
  }
  const counts = sizes.kernel.map((_, axis) => elementsRead(sizes, { axis, size: pool.sizes[axis] ?? 1 }));
  const isWhole = counts.every((list, axis) => list.length === 1 && list[0] === pool.sizes[axis]);
  const isInside = counts.every((list, axis) => list.every((count) => count === sizes.kernel[axis]));
  if (isWhole && (isInside || !countsPadding)) {
    translateGlobalAverage(node, builder);
    return;
  }
  if (counts.some((list) => list.includes(0))) decline('a window of it reads nothing but padding');
  const excludesPadding = !isInside && (isHanging || !countsPadding);
  emitPool(node, builder, { pool, sizes, body: { kind: 'average-pool', excludesPadding } });
}

/** How many elements of the input each window reads along an axis. */
function elementsRead(
  { kernel, strides, padsBefore, output }: WindowSizes,
  { axis, size }: { axis: number; size: number },
): number[] {
  return Array.from({ length: output[axis] ?? 0 }, (_, index) => {
    const first = index * (strides[axis] ?? 1) - (padsBefore[axis] ?? 0);
    return Math.min(first + (kernel[axis] ?? 1), size) - Math.max(first, 0);
  });
}

function emitPool(
  node: OnnxNode,
  builder: GraphBuilder,
  options: {
    pool: PoolInput;
    sizes: WindowSizes;
    body: { kind: 'maximum-pool' } | { kind: 'average-pool'; excludesPadding: boolean };
  },
): void {
  const { pool, sizes, body } = options;
  const { input, axes, isInteger } = pool;
  const [rows = 1, columns = 1] = sizes.output.length === 1 ? [1, ...sizes.output] : sizes.output;
  builder.emit(
    node,
    { ...body, input, window: windowOf(sizes) },
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
  builder.emit(node, { kind: 'average-pool', input, window, excludesPadding: false }, result);
}
