import type { ConvolutionLayer, FeatureMap, Layer, Window } from '../network/network.ts';
import { pixelWindow } from '../network/pixel-window.ts';

/** Zero point of the map of factors: they are never negative. */
export const factorZeroPoint = -128;

const highest = 255;
/** Layers that give the factors of an average's places. */
export interface PaddingFactors {
  layers: readonly Layer[];
  /** factor = scale * (integer - factorZeroPoint), for each element of the average. */
  factors: FeatureMap;
  scale: number;
}

/**
 * The kernel's size divided by the elements of the input that the window holds, for each place of an average:
 * what an average over a padded input is to be multiplied by to leave the padding out. The NPU counts the
 * elements itself, as sums over a map of ones, on one channel that is spread over all at last. Where a
 * window is inside the input, the factor is 1 exactly.
 */
export function paddingFactors(average: {
  name: string;
  input: FeatureMap;
  output: FeatureMap;
  window: Window;
}): PaddingFactors {
  const { name, input, output, window } = average;
  const mapOf = (part: string, sizes: FeatureMap, channels: number): FeatureMap => {
    return { channels, rows: sizes.rows, columns: sizes.columns, name: `${output.name}//${part}` };
  };
  const one = mapOf('channel', input, 1);
  const ones = mapOf('ones', input, 1);
  const single = mapOf('factor', output, 1);
  const factors = mapOf('factors', output, output.channels);
  const taps = window.kernelRows * window.kernelColumns;
  const { table, scale, countScale } = factorTable(taps, countsOf(average));
  const sums = {
    kind: 'convolution',
    name,
    groups: 1,
    inputZeroPoint: 0,
    outputZeroPoint: factorZeroPoint,
    minimum: -128,
    maximum: 127,
  } as const;
  const layers: Layer[] = [
    { kind: 'slice', name, input, output: one, firstChannel: 0 },
    { kind: 'table', name, input: one, output: ones, table: new Int8Array(256).fill(1) },
    {
      ...sums,
      input: ones,
      output: single,
      window,
      weights: new Int8Array(taps).fill(1),
      bias: new Int32Array(1),
      scales: Float32Array.of(countScale),
      table,
    },
    {
      ...sums,
      input: single,
      output: factors,
      window: pixelWindow,
      weights: new Int8Array(output.channels).fill(1),
      bias: new Int32Array(output.channels),
      scales: new Float32Array(output.channels).fill(1),
      inputZeroPoint: factorZeroPoint,
    } satisfies ConvolutionLayer,
  ];
  return { layers, factors, scale };
}

/** Numbers of input elements that windows hold. */
function countsOf({
  input,
  output,
  window,
}: {
  input: FeatureMap;
  output: FeatureMap;
  window: Window;
}): number[] {
  const along = (axis: { size: number; count: number; kernel: number; stride: number; pad: number }) => {
    const held = Array.from({ length: axis.count }, (_, index) => {
      const first = index * axis.stride - axis.pad;
      return Math.min(first + axis.kernel, axis.size) - Math.max(first, 0);
    });
    return new Set(held);
  };
  const { kernelRows, kernelColumns, strideRows, strideColumns, padTop, padLeft } = window;
  const rows = along({
    size: input.rows,
    count: output.rows,
    kernel: kernelRows,
    stride: strideRows,
    pad: padTop,
  });
  const columns = along({
    size: input.columns,
    count: output.columns,
    kernel: kernelColumns,
    stride: strideColumns,
    pad: padLeft,
  });
  return [...new Set([...rows].flatMap((row) => [...columns].map((column) => row * column)))];
}

/**
 * From counts, as a convolution gives them times `countScale`, to factors as whole numbers of the scale that
 * rounds them least. The factor 1 always is a whole number.
 */
function factorTable(
  taps: number,
  counts: readonly number[],
): { table: Int8Array; scale: number; countScale: number } {
  const largest = Math.max(1, ...counts.map((count) => taps / count));
  let best = { steps: 1, error: Number.POSITIVE_INFINITY };
  for (let steps = Math.max(1, Math.floor(highest / largest)); steps >= 1; steps -= 1) {
    const errors = counts.map((count) =>
      Math.abs(Math.round((steps * taps) / count) / steps / (taps / count) - 1),
    );
    const error = Math.max(...errors);
    if (error < best.error) best = { steps, error };
  }
  const countScale = Math.fround(Math.min(1, highest / taps));
  const table = Int8Array.from({ length: 256 }, (_, index) => {
    const factor = index === 0 ? highest : Math.round((best.steps * taps * countScale) / index);
    return Math.min(factor, highest) + factorZeroPoint;
  });
  return { table, scale: Math.fround(1 / best.steps), countScale };
}
