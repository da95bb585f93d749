import { NpuDevice } from '../../native/npu.ts';
import { endlesslyCheckedProgram, slowProgram } from './npu-programs.ts';

// Ends while the device works: by process.exit, or by an uncaught error. The first argument says which, the
// second what the device does: run or load.
const [, , end, work] = process.argv;
const device = NpuDevice.open({ kind: 'simulator', configuration: 'kv260-m' });
if (work === 'load') {
  void device.load(endlesslyCheckedProgram());
} else {
  const program = await device.load(slowProgram());
  void program.run(new Uint8Array(program.inputBytes));
  void program.run(new Uint8Array(program.inputBytes));
}
setTimeout(() => {
  if (end === 'exit') process.exit(7);
  if (end === 'throw') throw new Error('thrown on purpose');
}, 20);
