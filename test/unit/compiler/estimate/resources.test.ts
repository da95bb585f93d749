import { describe, expect, it } from 'vitest';
import { estimateResources } from '../../../../compiler/estimate/resources.ts';
import {
  type HardwareConfiguration,
  hardwareConfigurations,
} from '../../../../contract/npu/hardware.generated.ts';

function configurationNamed(name: string): HardwareConfiguration {
  const configuration = hardwareConfigurations[name];
  if (configuration === undefined) throw new Error(`no configuration ${name}`);
  return configuration;
}

describe('resources of a configuration', () => {
  it('are the sums worked out by hand for kv260-l', () => {
    const { label, parts, total, fraction } = estimateResources(configurationNamed('kv260-l'));
    expect(label).toBe('estimated');
    expect(parts).toEqual({
      // 16 * 16 * 7 / 2 multipliers; 2 * 16 lanes of 5.
      array: { dsp: 896, bram36: 0, uram: 0 },
      lanes: { dsp: 160, bram36: 0, uram: 0 },
      // 16 rows of 128 bits, 4,096 deep; 7 banks of 128 bits, 8,192 deep.
      weights: { dsp: 0, bram36: 0, uram: 32 },
      activations: { dsp: 0, bram36: 0, uram: 28 },
      // 16 records of 64 bits, 256 deep; 32 copies of 1,024 entries.
      parameters: { dsp: 0, bram36: 16, uram: 0 },
      tables: { dsp: 0, bram36: 32, uram: 0 },
      // 5 buffers of 1,024 x 128 bits and one of 1,024 x 256.
      ports: { dsp: 0, bram36: 28, uram: 0 },
    });
    expect(total).toEqual({ dsp: 1056, bram36: 76, uram: 60 });
    expect(fraction).toEqual({ dsp: 1056 / 1248, bram36: 76 / 144, uram: 60 / 64 });
  });

  it('take block RAM where the part has no URAM', () => {
    // 8 rows of 64 bits, 2,048 deep; 4 banks, 4,096 deep; 8 records; 16 tables; ports 5 * 2 + 8.
    const { total } = estimateResources(configurationNamed('zynq7020'));
    expect(total).toEqual({ dsp: 128 + 80, bram36: 32 + 32 + 8 + 16 + 18, uram: 0 });
  });

  it('count every compute unit of a board', () => {
    const { parts, total } = estimateResources(configurationNamed('u50'));
    expect(total.dsp).toBe(4 * (parts.array.dsp + parts.lanes.dsp));
    // 16 rows of 128 bits and 7 banks of 128 bits.
    expect(total.uram).toBe(4 * (16 * 2 * 2 + 7 * 2 * 4));
  });

  it('have no share of a part that does not exist', () => {
    expect(estimateResources(configurationNamed('ci')).fraction).toBeUndefined();
  });
});
