import { parentPort, workerData } from 'node:worker_threads';
import { SluiceError } from '../../contract/errors.ts';
import { NpuDevice } from '../../native/npu.ts';

/** What a test hands to this worker thread. */
export interface NpuWorkerData {
  configuration: string;
  program: Uint8Array;
  input: Uint8Array;
  /** Answer that the device works instead of waiting for its end. */
  leaveRunning: boolean;
}

const { configuration, program, input, leaveRunning } = workerData as NpuWorkerData;
const device = NpuDevice.open({ kind: 'simulator', configuration });
const running = device.load(program).then((resident) => resident.run(input));
if (leaveRunning) {
  // One turn and the load has reached the device's thread, ten and a small program runs.
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  parentPort?.postMessage('running');
} else {
  let refusal = 'none';
  try {
    await device.load(new Uint8Array(1));
  } catch (thrown) {
    if (thrown instanceof SluiceError) refusal = thrown.code;
  }
  const { outputs } = await running;
  await device.close();
  parentPort?.postMessage({ outputs, refusal });
}
