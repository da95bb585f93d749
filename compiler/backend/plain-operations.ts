import type { HardwareConfiguration } from '../../contract/npu/hardware.generated.ts';
import type { MapTable } from './map-table.ts';
import type { OperationNumbers, PoolOperation, View } from './operations.ts';
import { identityWindow } from './ranges.ts';

/** What lowering a layer needs to know. */
export interface LoweringContext {
  configuration: HardwareConfiguration;
  maps: MapTable;
  /** Index of the layer. */
  layer: number;
}

/** Numbers of an operation that does nothing to its values. */
export const plainNumbers: Readonly<OperationNumbers> = {
  padValue: 0,
  outputZeroPoint: 0,
  minimum: -128,
  maximum: 127,
  multiplier: 0,
  shift: 1,
  tieWindow: 0,
  firstZeroPoint: 0,
  secondZeroPoint: 0,
};

/** A POOL that copies a view. */
export function copyOperation(name: string, options: { from: View; to: View; layer: number }): PoolOperation {
  const { from, to, layer } = options;
  const { rows, columns } = to.map;
  return {
    kind: 'pool',
    layer,
    name,
    inputs: [from],
    output: to,
    rows: identityWindow(rows),
    columns: identityWindow(columns),
    numbers: plainNumbers,
    tables: [],
  };
}
