import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NpuDevice } from '../../native/npu.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';
import {
  endlesslyCheckedProgram,
  layersProgram,
  randomInt8,
  randomLayer,
  randomNumbers,
  referenceAnswer,
  slowProgram,
  slowSizes,
} from './npu-programs.ts';
import type { NpuWorkerData } from './npu-worker.ts';

const layer = randomLayer(32, 16, randomNumbers(61));
const smallProgram = layersProgram([layer], 'ci');

async function openSlow(): Promise<{ device: NpuDevice; run: (timeoutMs?: number) => Promise<unknown> }> {
  const device = NpuDevice.open({ kind: 'simulator', configuration: 'kv260-m' });
  onTestFinished(() => device.close());
  const program = await device.load(slowProgram());
  const input = new Uint8Array(program.inputBytes);
  return {
    device,
    run: (timeoutMs) => program.run(input, timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

/** The codes that a list of promises is rejected with. */
async function codesOf(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => (one.status === 'rejected' ? (one.reason as { code?: unknown }).code : 'ok'));
}

describe('NpuDevice.close', () => {
  it('rejects what runs and what waits, and is idempotent', async () => {
    const { device, run } = await openSlow();
    const runs = [run(), run(), run()];
    const codes = codesOf(runs);
    await Promise.all([device.close(), device.close()]);
    expect(await codes).toEqual(['device_closed', 'device_closed', 'device_closed']);
    expect(await codesOf([run()])).toEqual(['device_closed']);
    expect(await codesOf([device.load(smallProgram)])).toEqual(['device_closed']);
    await device.close();
  });
});

describe('NpuDevice.load', () => {
  const endless = endlesslyCheckedProgram();

  function openDevice(): NpuDevice {
    const device = NpuDevice.open({ kind: 'simulator', configuration: 'kv260-m' });
    onTestFinished(() => device.close());
    return device;
  }

  async function turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  it('lets the event loop and runs go on while a program is checked', async () => {
    const device = openDevice();
    const small = await device.load(slowProgram(1));
    let ended = false;
    const loading = codesOf([device.load(endless)]).finally(() => {
      ended = true;
    });
    await turns(100);
    await small.run(new Uint8Array(small.inputBytes));
    expect(ended).toBe(false);
    await device.close();
    expect(await loading).toEqual(['device_closed']);
  });

  it('takes turns of the event loop to copy a large program', async () => {
    const loading = openDevice().load(slowProgram(1, 16 * 1024 * 1024));
    let count = 0;
    let ended = false;
    const counting = (async () => {
      for (; !ended; count += 1) await turns(1);
    })();
    const program = await loading;
    ended = true;
    await counting;
    expect(count).toBeGreaterThanOrEqual(16);
    expect(program.outputBytes).toBe(16);
  });

  it.each([0, 1, 5, 500])(
    'is rejected by a close %d turns later, and so are those that wait',
    async (count) => {
      const device = openDevice();
      const loads = codesOf([device.load(endless), device.load(endless)]);
      await turns(count);
      await device.close();
      expect(await loads).toEqual(['device_closed', 'device_closed']);
    },
  );

  it('loads the next after one that is refused, in order', async () => {
    const device = openDevice();
    const good = slowProgram(1);
    const loads = [good, good.subarray(1), smallProgram, good].map((file) => device.load(file));
    expect(await codesOf(loads)).toEqual(['ok', 'program_invalid', 'program_hardware_mismatch', 'ok']);
  });

  it('reads a copy: what becomes of the bytes cannot crash it', async () => {
    const device = openDevice();
    const file = new Uint8Array(slowProgram(1, 16 * 1024 * 1024));
    const loading = codesOf([device.load(file)]);
    await turns(3);
    structuredClone(null, { transfer: [file.buffer] });
    expect(file.length).toBe(0);
    expect(await loading).toEqual(['program_invalid']);
  });

  it('refuses the load after 64 that wait', async () => {
    const device = openDevice();
    const loads = codesOf(Array.from({ length: 64 }, () => device.load(endless)));
    expect(await codesOf([device.load(smallProgram)])).toEqual(['queue_full']);
    await device.close();
    expect(new Set(await loads)).toEqual(new Set(['device_closed']));
  });
});

describe('NpuProgram.unload', () => {
  it('lets a run finish and refuses the next', async () => {
    const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci' });
    onTestFinished(() => device.close());
    const program = await device.load(smallProgram);
    const input = randomInt8(32, randomNumbers(62));
    const running = program.run(new Uint8Array(input.buffer));
    program.unload();
    program.unload();
    expect(new Int8Array((await running).outputs.buffer)).toEqual(referenceAnswer([layer], input));
    expect(await codesOf([program.run(new Uint8Array(32))])).toEqual(['device_closed']);
  });
});

describe('timeouts and the queue', () => {
  it('times out a running and a waiting run, then runs on', async () => {
    const { device, run } = await openSlow();
    expect(await codesOf([run(30), run(15)])).toEqual(['device_timeout', 'device_timeout']);
    const next = await device.load(slowProgram(1));
    const { counters } = await next.run(new Uint8Array(next.inputBytes));
    const { rows, columns, blocks, kernel } = slowSizes;
    expect(counters.multiplyAccumulates).toBe(rows * columns * kernel ** 2 * (blocks * 16) ** 2);
  });

  it('does not hold up the event loop while it runs', async () => {
    const { run } = await openSlow();
    const order: string[] = [];
    const running = codesOf([run(200)]).then(() => order.push('run'));
    await new Promise((resolve) => setTimeout(resolve, 1));
    order.push('timer');
    await running;
    expect(order).toEqual(['timer', 'run']);
  });

  it('refuses the run after 256 that wait', async () => {
    const { device, run } = await openSlow();
    const runs = Array.from({ length: 256 }, () => run());
    const codes = codesOf(runs);
    expect(await codesOf([run()])).toEqual(['queue_full']);
    await device.close();
    expect(new Set(await codes)).toEqual(new Set(['device_closed']));
  });
});

describe('worker threads', () => {
  function startWorker(data: NpuWorkerData): Worker {
    return new Worker(new URL('./npu-worker.js', import.meta.url), { workerData: data });
  }

  function firstMessage(worker: Worker): Promise<unknown> {
    return new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  }

  it('gives each its own device and its own error class', async () => {
    const input = randomInt8(32, randomNumbers(63));
    const workers = Array.from({ length: 3 }, () =>
      startWorker({
        configuration: 'ci',
        program: smallProgram,
        input: new Uint8Array(input.buffer),
        leaveRunning: false,
      }),
    );
    const ends = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    const outputs = new Uint8Array(referenceAnswer([layer], input).buffer);
    for (const message of await Promise.all(workers.map(firstMessage))) {
      expect(message).toEqual({ outputs, refusal: 'program_invalid' });
    }
    expect(await Promise.all(ends)).toEqual([0, 0, 0]);
  });

  it.each([
    ['runs', slowProgram()],
    ['loads', endlesslyCheckedProgram()],
  ])('can be terminated while the device %s', async (_, program) => {
    const { rows, columns, blocks } = slowSizes;
    const input = new Uint8Array(rows * columns * blocks * 16);
    const worker = startWorker({
      configuration: 'kv260-m',
      program,
      input,
      leaveRunning: true,
    });
    expect(await firstMessage(worker)).toBe('running');
    expect(await worker.terminate()).toBe(1);
  });
});

/** How a Node process with these parameters ends. */
function endOf(parameters: string[]): Promise<{ code: number | null; signal: string | null; text: string }> {
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, text }));
  });
}

describe('process end', () => {
  const busyProcess = fileURLToPath(new URL('./npu-busy-process.js', import.meta.url));

  it.each(['run', 'load'])('neither crashes nor hangs while the device has a %s to do', async (work) => {
    const exited = await endOf([busyProcess, 'exit', work]);
    expect([exited.code, exited.signal]).toEqual([7, null]);
    const threw = await endOf([busyProcess, 'throw', work]);
    expect([threw.code, threw.signal]).toEqual([1, null]);
  });

  it('waits for a close while a run times out', async () => {
    const script = `
      import { NpuDevice } from ${JSON.stringify(pathToFileURL(repositoryPath('dist/native/npu.js')).href)};
      import { slowProgram } from ${JSON.stringify(pathToFileURL(repositoryPath('dist/test/native/npu-programs.js')).href)};
      const device = NpuDevice.open({ kind: 'simulator', configuration: 'kv260-m' });
      const program = await device.load(slowProgram());
      program.run(new Uint8Array(program.inputBytes), { timeoutMs: 1 }).catch((error) => console.log(error.code));
      await new Promise((resolve) => setImmediate(resolve));
      const closed = device.close();
      for (const end = performance.now() + 3; performance.now() < end; );
      await closed;
      console.log('closed');`;
    const ended = await endOf(['--input-type=module', '--eval', script]);
    expect(ended).toEqual({ code: 0, signal: null, text: 'device_timeout\nclosed\n' });
  });

  it('comes by itself with an idle device that nobody closed', async () => {
    const script = `
      import { NpuDevice } from ${JSON.stringify(pathToFileURL(repositoryPath('dist/native/npu.js')).href)};
      NpuDevice.open({ kind: 'simulator', configuration: 'ci' });
      console.log('opened');`;
    const ended = await endOf(['--input-type=module', '--eval', script]);
    expect(ended).toEqual({ code: 0, signal: null, text: 'opened\n' });
  });

  it('survives the collection of devices and programs that nobody closed', async () => {
    const program = JSON.stringify([...smallProgram]);
    const script = `
      import { NpuDevice } from ${JSON.stringify(pathToFileURL(repositoryPath('dist/native/npu.js')).href)};
      const file = Uint8Array.from(${program});
      const runs = [];
      const loads = [];
      for (let round = 0; round < 20; round += 1) {
        const loaded = await NpuDevice.open({ kind: 'simulator', configuration: 'ci' }).load(file);
        runs.push(loaded.run(new Uint8Array(32)));
        loads.push(NpuDevice.open({ kind: 'simulator', configuration: 'ci' }).load(file));
        globalThis.gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log((await Promise.all(runs)).length + (await Promise.all(loads)).length);
      globalThis.gc();`;
    const ended = await endOf(['--expose-gc', '--input-type=module', '--eval', script]);
    expect(ended).toEqual({ code: 0, signal: null, text: '40\n' });
  });
});

describe('a missing addon', () => {
  it('is device_unavailable', async () => {
    const folder = temporaryFolder();
    for (const part of [
      'native/npu.js',
      'native/load-addon.js',
      'contract/errors.js',
      'contract/limits.js',
    ]) {
      mkdirSync(join(folder, 'dist', part, '..'), { recursive: true });
      cpSync(repositoryPath(join('dist', part)), join(folder, 'dist', part));
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const script = `
      import { NpuDevice } from ${JSON.stringify(pathToFileURL(join(folder, 'dist/native/npu.js')).href)};
      try {
        NpuDevice.open({ kind: 'simulator', configuration: 'ci' });
      } catch (error) {
        console.log(error.code);
      }`;
    const ended = await endOf(['--input-type=module', '--eval', script]);
    expect(ended).toEqual({ code: 0, signal: null, text: 'device_unavailable\n' });
  });
});
