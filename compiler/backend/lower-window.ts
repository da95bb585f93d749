import { convolutionFields, type InstructionField } from '../../contract/npu/instructions.generated.ts';
import type { Window } from '../network/network.ts';
import type { AxisWindow } from './ranges.ts';
import { unsupportedLayer } from './refusal.ts';

/** Largest value that an unsigned instruction field holds. */
export function fieldMax(fields: readonly InstructionField[], name: string): number {
  const field = fields.find((each) => each.name === name);
  if (field === undefined) throw new Error(`instructions have no field ${name}`);
  return 2 ** field.width - 1;
}

interface Sizes {
  rows: number;
  columns: number;
}

/**
 * The two axes of a window. Throws `model_unsupported` naming the layer for what no instruction field
 * holds and for an output of another size than the window gives.
 */
export function lowerWindow(
  name: string,
  window: Window,
  sizes: { input: Sizes; output: Sizes },
): { rows: AxisWindow; columns: AxisWindow } {
  const { input, output } = sizes;
  const rows: AxisWindow = {
    inputSize: input.rows,
    outputSize: output.rows,
    kernel: window.kernelRows,
    stride: window.strideRows,
    dilation: window.dilationRows,
    padBefore: window.padTop,
    upsample: 1,
  };
  const columns: AxisWindow = {
    inputSize: input.columns,
    outputSize: output.columns,
    kernel: window.kernelColumns,
    stride: window.strideColumns,
    dilation: window.dilationColumns,
    padBefore: window.padLeft,
    upsample: 1,
  };
  checkAxis(name, rows, { axis: 'rows', padAfter: window.padBottom });
  checkAxis(name, columns, { axis: 'columns', padAfter: window.padRight });
  return { rows, columns };
}

function checkAxis(
  name: string,
  window: AxisWindow,
  { axis, padAfter }: { axis: 'rows' | 'columns'; padAfter: number },
): void {
  const suffix = axis === 'rows' ? 'Rows' : 'Columns';
  const fields = {
    kernel: `kernel${suffix}`,
    stride: `stride${suffix}`,
    dilation: `dilation${suffix}`,
    padBefore: axis === 'rows' ? 'padTop' : 'padLeft',
  } as const;
  for (const [key, field] of Object.entries(fields) as [keyof typeof fields, string][]) {
    const [value, least, most] = [
      window[key],
      key === 'padBefore' ? 0 : 1,
      fieldMax(convolutionFields, field),
    ];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw unsupportedLayer(name, `${field} is ${value}; this NPU takes ${least} to ${most}`);
  }
  const extent = (window.kernel - 1) * window.dilation + 1;
  if (window.padBefore >= extent && window.padBefore > 0) {
    throw unsupportedLayer(
      name,
      `its padding of ${window.padBefore} ${axis} hides a whole kernel of ${extent}`,
    );
  }
  const size = Math.floor((window.inputSize + window.padBefore + padAfter - extent) / window.stride) + 1;
  if (size !== window.outputSize) {
    throw unsupportedLayer(name, `its window gives ${size} ${axis}, its output has ${window.outputSize}`);
  }
}
