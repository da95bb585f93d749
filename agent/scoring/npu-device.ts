import type { Logger } from '../../base/logger.ts';
import { toSluiceError } from '../../contract/errors.ts';
import { NpuDevice } from '../../native/npu.ts';
import type { NpuDescription } from '../supervise/control-protocol.ts';
import type { NpuSelection } from '../supervise/npu-selection.ts';

/** The NPU of this process. */
export interface OpenNpu {
  device: NpuDevice;
  description: NpuDescription;
}

/** Opens the selected NPU. One that cannot be opened is logged: everything is then served on the CPU. */
export async function openNpu(selection: NpuSelection | null, log: Logger): Promise<OpenNpu | undefined> {
  if (selection === null) return undefined;
  const isBoard = selection.kind === 'xrt';
  try {
    const device = isBoard ? await NpuDevice.openXrt(selection) : NpuDevice.open(selection);
    const { configuration, hash } = device.hardware;
    logSimulator(device, log);
    return { device, description: { route: isBoard ? 'fpga' : 'fpga-sim', configuration, hash } };
  } catch (thrown) {
    const { code, message } = toSluiceError(thrown, 'device_unavailable');
    log.warn({ code }, `serving without NPU: ${message}`);
    return undefined;
  }
}

/** The simulator's seed decides in what order its units run: with it a wrong answer can be had again. */
function logSimulator({ simulator, hardware }: NpuDevice, log: Logger): void {
  if (simulator === undefined) return;
  const { seed, threads, kernels } = simulator;
  log.info({ seed: String(seed), threads, kernels }, `simulating the NPU ${hardware.configuration}`);
}
