import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { hardwareConfigurations } from '../../contract/npu/hardware.generated.ts';
import { encodeInstructions, noTokens } from '../../contract/npu/instructions.ts';
import { encodeProgram } from '../../contract/npu/program.ts';
import { NpuDevice } from '../../native/npu.ts';
import { repositoryPath, temporaryFolder } from '../support/paths.ts';

const binaries = 'build/native/Release';
const built = existsSync(repositoryPath(`${binaries}/sluice_xrt.so`));
if (!built) {
  process.stderr.write(
    'SKIPPED: the XRT device; install the Debian packages libxrt-dev and uuid-dev, build again\n',
  );
}

/** Bytes of an item of `programFor`. */
const itemBytes = 32;

/** The named configuration's hash, and the bytes of its bus. */
function hardwareNamed(configuration: string): { hash: string; inputParallel: number } {
  const hardware = hardwareConfigurations[configuration];
  if (hardware === undefined) throw new Error(`no configuration ${configuration}`);
  return hardware;
}

/** A program that stores what it loads. */
function programFor(configuration: string): Uint8Array {
  const { hash, inputParallel } = hardwareNamed(configuration);
  const columns = itemBytes / inputParallel;
  const row = { memory: 'ACTIVATION', dramOffset: 0, address: 0, columns, rows: 1, blocks: 1 } as const;
  const pitches = { dramRowPitch: columns, dramBlockPitch: columns, rowPitch: columns, blockPitch: columns };
  return encodeProgram({
    hardwareHash: hash,
    weights: new Uint8Array(0),
    inputBytes: itemBytes,
    outputBytes: itemBytes,
    arenaBytes: 0,
    instructions: encodeInstructions([
      { ...noTokens, operation: 'LOAD', region: 'INPUT', ...row, ...pitches },
      { ...noTokens, operation: 'STORE', region: 'OUTPUT', ...row, ...pitches },
      { ...noTokens, operation: 'FINISH' },
    ]),
  });
}

const program = programFor('ci');

/** What XRT's no-op emulation takes for a board image of a configuration. */
function imageFor(configuration: string): string {
  const file = join(temporaryFolder(), `${configuration}.xclbin`);
  const unit = `npu_${hardwareNamed(configuration).hash.slice(0, 16)}`;
  execFileSync(process.execPath, [repositoryPath('scripts/make-xclbin.mjs'), file, unit]);
  return file;
}

/** No board: XRT's shim allocates and starts kernels, which end at once or after `delayUs`. */
function emulate(delayUs = 0): void {
  const file = join(temporaryFolder(), 'xrt.ini');
  writeFileSync(file, `[Runtime]\nnoop_completion_delay_us = ${delayUs}\n`);
  vi.stubEnv('XRT_INI_PATH', file);
  vi.stubEnv('XCL_EMULATION_MODE', 'noop');
}

async function openEmulated(configuration = 'ci'): Promise<NpuDevice> {
  const device = await NpuDevice.openXrt({ xclbin: imageFor(configuration), deviceIndex: 0, configuration });
  onTestFinished(() => device.close());
  return device;
}

/** What a promise is rejected with. */
async function rejectionOf(promise: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  const settled = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(settled instanceof Error)) return { code: 'ok', message: '' };
  return { code: 'code' in settled ? settled.code : undefined, message: settled.message };
}

/** Numbers of the device processes that a process has started and that run or wait to be reaped. */
function deviceProcessesOf(parent: number): number[] {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers.map(Number).filter((pid) => {
    try {
      const [, name, ppid] = /^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      return name === 'sluice-device-h' && Number(ppid) === parent;
    } catch {
      return false;
    }
  });
}

/** How a Node process that runs this module ends; it has `NpuDevice`, `image` and `program`. */
function endOf(script: string): Promise<{ code: number | null; signal: string | null; text: string }> {
  const source = `
    import { NpuDevice } from ${JSON.stringify(pathToFileURL(repositoryPath('dist/native/npu.js')).href)};
    const image = ${JSON.stringify(imageFor('ci'))};
    const program = Uint8Array.from(${JSON.stringify([...program])});
    const device = await NpuDevice.openXrt({ xclbin: image, deviceIndex: 0, configuration: 'ci' });
    ${script}`;
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, text }));
  });
}

async function waitUntilGone(pid: number): Promise<void> {
  const isThere = () =>
    existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  await vi.waitFor(() => expect(isThere()).toBe(false), 5000);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a build without XRT', () => {
  it('is device_unavailable, and says what to install', async () => {
    const folder = temporaryFolder();
    for (const part of ['dist/native', 'dist/contract', `${binaries}/sluice_native.node`]) {
      cpSync(repositoryPath(part), join(folder, part), { recursive: true });
    }
    symlinkSync(repositoryPath('node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const script = `
      import { NpuDevice } from ${JSON.stringify(pathToFileURL(join(folder, 'dist/native/npu.js')).href)};
      const options = { xclbin: 'none.xclbin', deviceIndex: 0, configuration: 'ci' };
      await NpuDevice.openXrt(options).catch((error) => console.log(error.code, error.message));`;
    const text = execFileSync(process.execPath, ['--input-type=module', '--eval', script]).toString();
    expect(text).toMatch(/^device_unavailable .*libxrt-dev.*\n$/);
  });
});

describe.runIf(process.platform === 'linux')('a device process that does not answer', () => {
  it('goes when the worker thread that opens it is terminated', async () => {
    const folder = temporaryFolder();
    const host = join(folder, 'host');
    writeFileSync(host, `#!/bin/sh\necho $$ >'${folder}/pid'\nexec sleep 600\n`, { mode: 0o755 });
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      const { addon, host } = workerData;
      const { initialise, openProcess } = require(addon);
      initialise(Error);
      const options = { library: '', configuration: 'ci', image: '', deviceIndex: 0, environment: [] };
      openProcess({ host, ...options }, () => parentPort.postMessage('answered'));
      parentPort.on('message', () => undefined);`;
    const addon = repositoryPath(`${binaries}/sluice_native.node`);
    const worker = new Worker(script, { eval: true, workerData: { addon, host } });
    const messages: unknown[] = [];
    worker.on('message', (message) => messages.push(message));
    const pid = await vi.waitFor(() => {
      const text = readFileSync(join(folder, 'pid'), 'utf8');
      expect(text).toMatch(/^\d+\n$/);
      return Number(text);
    }, 5000);
    expect(await worker.terminate()).toBe(1);
    expect(messages).toEqual([]);
    await waitUntilGone(pid);
  });
});

describe.runIf(built)('opening an XRT device', () => {
  const noSuchIndex = 200;

  it('is device_unavailable in one line where there is no board', async () => {
    const { code, message } = await rejectionOf(
      NpuDevice.openXrt({ xclbin: imageFor('ci'), deviceIndex: noSuchIndex, configuration: 'ci' }),
    );
    expect(code).toBe('device_unavailable');
    expect(message).toContain(`Could not open device with index '${noSuchIndex}'`);
    expect(message).not.toContain('\n');
    expect(deviceProcessesOf(process.pid)).toEqual([]);
  });

  it('is device_unavailable for an image of another configuration, a damaged one and none', async () => {
    emulate();
    const damaged = join(temporaryFolder(), 'damaged.xclbin');
    writeFileSync(damaged, readFileSync(imageFor('ci')).subarray(0, 600));
    const cases: [string, string][] = [
      [imageFor('kv260-m'), `npu_${hardwareNamed('ci').hash.slice(0, 16)} expected`],
      [damaged, 'XRT: '],
      ['/nonexistent/board.xclbin', '/nonexistent/board.xclbin'],
    ];
    for (const [xclbin, text] of cases) {
      const { code, message } = await rejectionOf(
        NpuDevice.openXrt({ xclbin, deviceIndex: 0, configuration: 'ci' }),
      );
      expect([code, message]).toEqual(['device_unavailable', expect.stringContaining(text)]);
    }
    const unknown = NpuDevice.openXrt({ xclbin: damaged, deviceIndex: 0, configuration: 'none' });
    expect((await rejectionOf(unknown)).message).toContain('no configuration "none"');
  });

  it('does not hold up the event loop', async () => {
    emulate();
    let turns = 0;
    let opened = false;
    const opening = openEmulated().finally(() => {
      opened = true;
    });
    for (; !opened; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    await opening;
    expect(turns).toBeGreaterThan(10);
  });
});

describe.runIf(built)('an XRT device under the no-op shim', () => {
  it('takes the whole host path, up to a kernel that ends without having computed', async () => {
    emulate();
    const device = await openEmulated();
    expect(device.hardware.hash).toBe(hardwareNamed('ci').hash);
    const [pid] = deviceProcessesOf(process.pid);
    const first = await device.load(program);
    const second = await device.load(program);
    for (const loaded of [first, second, first]) {
      expect(await rejectionOf(loaded.run(new Uint8Array(itemBytes)))).toEqual({
        code: 'device_fault',
        message: 'XRT: the kernel wrote no status',
      });
    }
    second.unload();
    // None of these refusals cost the process.
    expect(deviceProcessesOf(process.pid)).toEqual([pid]);
    await device.close();
    expect(deviceProcessesOf(process.pid)).toEqual([]);
    expect((await rejectionOf(first.run(new Uint8Array(itemBytes)))).code).toBe('device_closed');
  });

  it('checks programs before they reach the process', async () => {
    emulate();
    const device = await openEmulated();
    expect((await rejectionOf(device.load(program.subarray(1)))).code).toBe('program_invalid');
    expect((await rejectionOf(device.load(programFor('kv260-m')))).code).toBe('program_hardware_mismatch');
  });
});

describe.runIf(built)('an XRT device whose kernel hangs', () => {
  const hangUs = 600_000_000;

  it('times out, is killed, and serves the next run from a new process', async () => {
    emulate(hangUs);
    const device = await openEmulated();
    const loaded = await device.load(program);
    const [before] = deviceProcessesOf(process.pid);
    for (let round = 0; round < 2; round += 1) {
      const { code } = await rejectionOf(loaded.run(new Uint8Array(itemBytes), { timeoutMs: 50 }));
      expect(code).toBe('device_timeout');
    }
    await vi.waitFor(() => expect(deviceProcessesOf(process.pid)).not.toContain(before), 5000);
    await device.load(program);
    expect(deviceProcessesOf(process.pid)).toHaveLength(1);
  });

  it('survives its process being killed from outside', async () => {
    emulate(hangUs);
    const device = await openEmulated();
    const loaded = await device.load(program);
    const [pid] = deviceProcessesOf(process.pid) as [number];
    const running = rejectionOf(loaded.run(new Uint8Array(itemBytes)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(pid, 'SIGKILL');
    const { code, message } = await running;
    expect([code, message]).toEqual(['device_fault', expect.stringContaining('signal 9')]);
    expect((await rejectionOf(loaded.run(new Uint8Array(itemBytes), { timeoutMs: 100 }))).code).toBe(
      'device_timeout',
    );
  });

  it('is closed at once, and its run rejected', async () => {
    emulate(hangUs);
    const device = await openEmulated();
    const loaded = await device.load(program);
    const running = rejectionOf(loaded.run(new Uint8Array(itemBytes)));
    await new Promise((resolve) => setTimeout(resolve, 30));
    await device.close();
    expect((await running).code).toBe('device_closed');
    expect(deviceProcessesOf(process.pid)).toEqual([]);
  });

  const tellProcess = `
    import { readdirSync, readFileSync } from 'node:fs';
    for (const name of readdirSync('/proc').filter((one) => /^\\d+$/.test(one))) {
      let stat = '';
      try { stat = readFileSync('/proc/' + name + '/stat', 'utf8'); } catch {}
      if (Number(/\\(sluice-device-h\\) \\S (\\d+)/.exec(stat)?.[1]) === process.pid) console.log(name);
    }`;

  it.each([
    ['process.exit(7)', 7, null],
    ["process.kill(process.pid, 'SIGKILL')", null, 'SIGKILL'],
  ])('leaves no process behind after %s', async (end, code, signal) => {
    emulate(hangUs);
    const ended = await endOf(`${tellProcess}
      const loaded = await device.load(program);
      loaded.run(new Uint8Array(loaded.inputBytes)).catch(() => undefined);
      setTimeout(() => ${end}, 50);`);
    expect([ended.code, ended.signal]).toEqual([code, signal]);
    expect(ended.text).toMatch(/^\d+\n$/);
    await waitUntilGone(Number(ended.text));
  });

  it('does not keep an idle process alive, nor crash it when it is collected', async () => {
    emulate(hangUs);
    const ended = await endOf(`${tellProcess}
      let other = await NpuDevice.openXrt({ xclbin: image, deviceIndex: 0, configuration: 'ci' });
      await other.load(program);
      other = undefined;
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
      globalThis.gc();`);
    expect([ended.code, ended.signal]).toEqual([0, null]);
    await waitUntilGone(Number(ended.text));
  });
});
