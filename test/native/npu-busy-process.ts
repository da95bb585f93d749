import { NpuDevice } from '../../native/npu.ts';
import { slowProgram } from './npu-programs.ts';

// Ends while the device works: by process.exit, or by an uncaught error. The argument says which.
const device = NpuDevice.open({ kind: 'simulator', configuration: 'kv260-m' });
const program = device.load(slowProgram());
void program.run(new Uint8Array(program.inputBytes));
void program.run(new Uint8Array(program.inputBytes));
setTimeout(() => {
  if (process.argv[2] === 'exit') process.exit(7);
  if (process.argv[2] === 'throw') throw new Error('thrown on purpose');
}, 20);
