import { describe, expect, it } from 'vitest';
import type { Window } from '../../../../compiler/network/network.ts';
import { factorZeroPoint, paddingFactors } from '../../../../compiler/quantise/padding-factors.ts';
import { evaluate } from '../../../support/quantised-part.ts';

interface Average {
  rows: number;
  columns: number;
  kernel: number;
  stride: number;
  pad: number;
  /** Largest part that a factor may be off by. */
  tolerance: number;
}

function held(index: number, size: number, { kernel, stride, pad }: Average): number {
  const first = index * stride - pad;
  return Math.min(first + kernel, size) - Math.max(first, 0);
}

describe('factors of an average that leaves padding out', () => {
  it.each<Average>([
    { rows: 6, columns: 5, kernel: 3, stride: 1, pad: 1, tolerance: 0 },
    { rows: 9, columns: 7, kernel: 2, stride: 2, pad: 1, tolerance: 0 },
    { rows: 11, columns: 10, kernel: 5, stride: 1, pad: 2, tolerance: 0.005 },
    { rows: 20, columns: 19, kernel: 9, stride: 2, pad: 4, tolerance: 0.01 },
    { rows: 24, columns: 20, kernel: 17, stride: 1, pad: 8, tolerance: 0.02 },
  ])('are those of every place: %o', (average) => {
    const { rows, columns, kernel, stride, pad, tolerance } = average;
    const input = { name: 'x', channels: 3, rows, columns };
    const count = (size: number): number => Math.floor((size + 2 * pad - kernel) / stride) + 1;
    const output = { name: 'y', channels: 3, rows: count(rows), columns: count(columns) };
    const window: Window = {
      kernelRows: kernel,
      kernelColumns: kernel,
      strideRows: stride,
      strideColumns: stride,
      dilationRows: 1,
      dilationColumns: 1,
      padTop: pad,
      padLeft: pad,
      padBottom: pad,
      padRight: pad,
    };
    const { layers, factors, scale } = paddingFactors({ name: 'mean', input, output, window });
    const network = { name: 'factors', inputs: [input], outputs: [factors], layers };
    const values = new Int8Array(3 * rows * columns).map((_, index) => (index * 37) % 256);
    const [integers = new Int8Array(0)] = evaluate(network, [values]);
    expect(integers.length).toBe(3 * output.rows * output.columns);
    for (const [index, integer] of integers.entries()) {
      const row = Math.floor(index / output.columns) % output.rows;
      const wanted =
        kernel ** 2 / (held(row, rows, average) * held(index % output.columns, columns, average));
      const actual = (integer - factorZeroPoint) * scale;
      if (wanted === 1) expect(Math.fround(actual)).toBe(1);
      expect(Math.abs(actual / wanted - 1)).toBeLessThanOrEqual(tolerance + 1e-6);
    }
  });
});
