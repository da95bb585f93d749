import type { FeatureMap, Window } from '../../compiler/network/network.ts';

/** A window by its sizes, rows first; what is left out is 1, and padding keeps the size at a stride of 1. */
export interface WindowOptions {
  kernel?: readonly [number, number];
  stride?: readonly [number, number];
  dilation?: readonly [number, number];
  /** Above, left, below, right. */
  pads?: readonly [number, number, number, number];
}

/** The window with every size. */
export function windowOf(options: WindowOptions): Window {
  const { kernel = [1, 1], stride = [1, 1], dilation = [1, 1] } = options;
  const rows = dilation[0] * (kernel[0] - 1);
  const columns = dilation[1] * (kernel[1] - 1);
  const kept = [rows >> 1, columns >> 1, (rows + 1) >> 1, (columns + 1) >> 1] as const;
  const [padTop, padLeft, padBottom, padRight] = options.pads ?? kept;
  return {
    kernelRows: kernel[0],
    kernelColumns: kernel[1],
    strideRows: stride[0],
    strideColumns: stride[1],
    dilationRows: dilation[0],
    dilationColumns: dilation[1],
    padTop,
    padLeft,
    padBottom,
    padRight,
  };
}

/** Rows and columns that a window makes of a map; ONNX's formula, rounded down. */
export function windowedSize(map: FeatureMap, window: Window): { rows: number; columns: number } {
  const paddedRows = map.rows + window.padTop + window.padBottom;
  const paddedColumns = map.columns + window.padLeft + window.padRight;
  const spanRows = window.dilationRows * (window.kernelRows - 1) + 1;
  const spanColumns = window.dilationColumns * (window.kernelColumns - 1) + 1;
  return {
    rows: Math.floor((paddedRows - spanRows) / window.strideRows) + 1,
    columns: Math.floor((paddedColumns - spanColumns) / window.strideColumns) + 1,
  };
}
