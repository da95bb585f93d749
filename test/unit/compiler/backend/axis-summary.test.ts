import { describe, expect, it } from 'vitest';
import { NetworkBuilder } from '../../../../bench/networks/network-builder.ts';
import { summariseAxis } from '../../../../compiler/backend/axis-summary.ts';
import { groupOf } from '../../../../compiler/backend/group.ts';
import { lowerNetwork } from '../../../../compiler/backend/lower.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';

const configuration = hardwareConfigurations.ci as HardwareConfiguration;

/** A group of one 3 x 3 convolution on 20 columns. */
function convolutionGroup(): ReturnType<typeof groupOf> {
  const builder = new NetworkBuilder('axis', 3);
  const input = builder.input({ channels: 8, rows: 12, columns: 20 });
  const network = builder.network([builder.convolution(input, { channels: 8, kernel: [3, 3] })]);
  return groupOf(lowerNetwork(network, configuration).operations, []);
}

describe('summariseAxis', () => {
  const group = convolutionGroup();
  const columns = { axis: 'columns', size: 6, configuration } as const;

  it('refuses columns that begin in the middle of a line of a map on chip', () => {
    expect(summariseAxis(group, { ...columns, isResident: () => true })).toBeUndefined();
    expect(summariseAxis(group, { ...columns, size: 20, isResident: () => true })).toBeDefined();
  });

  it('counts what tiles load again', () => {
    const summary = summariseAxis(group, { ...columns, isResident: () => false });
    expect(summary?.count).toBe(4);
    expect(summary?.outputs[0]).toEqual({ sum: 20, most: 6, lineSum: 10, lineMost: 3, isConstant: false });
    expect(summary?.sources[0]).toMatchObject({ sum: 7 + 8 + 8 + 3, most: 8 });
  });

  it('knows what every tile reads alike', () => {
    const blocks = { axis: 'blocks', size: 1, configuration, isResident: () => false } as const;
    expect(summariseAxis(group, blocks)?.sources[0]?.isConstant).toBe(true);
  });
});
