import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { estimateProgram } from '../../native/npu-timing.ts';
import type { Route } from '../engines/engine.ts';

/**
 * What the timed simulation says of one item of a program on the hardware that a simulator stands for, in
 * the form of the header `x-sluice-npu-estimate`; undefined for real hardware, which has its own clock.
 * Throws what `estimateProgram` throws.
 */
export async function estimateOnHardware(
  program: Uint8Array,
  npu: { route: Route; configuration: string },
): Promise<string | undefined> {
  const configuration = hardwareConfigurations[npu.configuration];
  if (npu.route !== 'fpga-sim' || configuration === undefined) return undefined;
  const { milliseconds, calibrated, label } = await estimateProgram(program, { configuration });
  return `${label}; item-ms=${milliseconds.toFixed(4)}; configuration=${npu.configuration}; calibrated=${calibrated}`;
}

/**
 * Milliseconds of one item of a program on real hardware, by its known cycles; undefined for a simulated route, whose
 * runs take what this processor needs. Throws what `estimateProgram` throws.
 */
export async function itemMsOnHardware(
  program: Uint8Array,
  npu: { route: Route; configuration: string },
): Promise<number | undefined> {
  const configuration = hardwareConfigurations[npu.configuration];
  if (npu.route !== 'fpga' || configuration === undefined) return undefined;
  return (await estimateProgram(program, { configuration })).milliseconds;
}
