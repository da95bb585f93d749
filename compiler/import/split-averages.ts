import { pixelWindow } from '../network/pixel-window.ts';
import type { ImportedMap, ImportedOperation } from './graph.ts';
import { fieldMax } from './limits.ts';

/**
 * Averages over more rows or columns than a kernel has become two: of a few neighbours each, then of what
 * is left. The first takes as few as it can, so that the second evens out its rounding.
 */
export function splitAverages(operations: readonly ImportedOperation[]): ImportedOperation[] {
  return operations.flatMap(splitAverage);
}

function splitAverage(operation: ImportedOperation): ImportedOperation[] {
  if (operation.kind !== 'global-average') return [operation];
  const { input, output, name, nodes } = operation;
  const kernelRows = firstFactor(input.rows, fieldMax('kernelRows'));
  const kernelColumns = firstFactor(input.columns, fieldMax('kernelColumns'));
  if (kernelRows === undefined || kernelColumns === undefined || kernelRows * kernelColumns === 1)
    return [operation];
  const small: ImportedMap = {
    name: `${output.name}//${input.rows}x${input.columns}`,
    channels: input.channels,
    rows: input.rows / kernelRows,
    columns: input.columns / kernelColumns,
    tensors: [],
  };
  const window = {
    ...pixelWindow,
    kernelRows,
    kernelColumns,
    strideRows: kernelRows,
    strideColumns: kernelColumns,
  };
  return [
    { kind: 'average-pool', name, input, output: small, window, excludesPadding: false, nodes },
    ...splitAverage({ ...operation, input: small }),
  ];
}

/** The smallest factor, no larger than a stride, that brings a size nearer to the most; 1 when it is there. */
function firstFactor(size: number, most: number): number | undefined {
  if (size <= most) return 1;
  for (let factor = 2; factor <= fieldMax('strideRows'); factor += 1) if (size % factor === 0) return factor;
  return undefined;
}
