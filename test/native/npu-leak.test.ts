import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { repositoryPath } from '../support/paths.ts';
import { layersProgram, randomLayer, randomNumbers } from './npu-programs.ts';

const smallProgram = layersProgram([randomLayer(32, 16, randomNumbers(71))], 'ci');
const npuUrl = JSON.stringify(pathToFileURL(repositoryPath('dist/native/npu.js')).href);

/** What a module prints as JSON in a process of its own, whose memory nothing else touches. */
function answerOf(body: string): unknown {
  const script = `
    import { NpuDevice } from ${npuUrl};
    const file = Uint8Array.from(${JSON.stringify([...smallProgram])});
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const collect = async () => {
      for (let round = 0; round < 5; round += 1) {
        globalThis.gc();
        await turn();
      }
    };
    ${body}`;
  const parameters = ['--expose-gc', '--input-type=module', '--eval', script];
  const { stdout, stderr, status } = spawnSync(process.execPath, parameters, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout);
}

describe('memory', () => {
  it('does not grow over 1,000 devices that are opened, loaded, run and closed', () => {
    const grown = answerOf(`
      const round = async () => {
        const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci', threads: 1 });
        const program = await device.load(file);
        await program.run(program.newInputs(1));
        await device.close();
      };
      for (let index = 0; index < 200; index += 1) await round();
      await collect();
      const before = process.memoryUsage();
      for (let index = 0; index < 1000; index += 1) await round();
      await collect();
      const after = process.memoryUsage();
      console.log(JSON.stringify({ heap: after.heapUsed - before.heapUsed, rss: after.rss - before.rss }));
    `) as { heap: number; rss: number };
    // A device alone has 20 KiB of scratchpads: kept, they would be 20 MB.
    expect(grown.heap).toBeLessThan(1024 * 1024);
    expect(grown.rss).toBeLessThan(10 * 1024 * 1024);
  });

  it('of large inputs and outputs goes with them, however often a program runs', () => {
    const grown = answerOf(`
      const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci', threads: 1 });
      const program = await device.load(file);
      const round = async () => {
        const { outputs } = await program.run(program.newInputs(16_384));
        if (outputs.length !== 16_384 * 16) throw new Error('another size');
        await collect();
      };
      for (let index = 0; index < 10; index += 1) await round();
      const before = process.memoryUsage();
      for (let index = 0; index < 60; index += 1) await round();
      const after = process.memoryUsage();
      console.log(JSON.stringify({
        buffers: after.arrayBuffers - before.arrayBuffers,
        rss: after.rss - before.rss,
      }));
      await device.close();
    `) as { buffers: number; rss: number };
    // Every run takes 768 KiB.
    expect(grown.buffers).toBeLessThan(1024 * 1024);
    expect(grown.rss).toBeLessThan(16 * 1024 * 1024);
  });

  it('of a device, its program and their threads goes when nobody holds them', () => {
    const threads = answerOf(`
      import { readdirSync } from 'node:fs';
      const count = () => (process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0);
      const before = count();
      const open = async () => {
        const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci', threads: 1 });
        const program = await device.load(file);
        await program.run(new Uint8Array(program.inputBytes));
      };
      for (let index = 0; index < 10; index += 1) await open();
      const most = count();
      await collect();
      // A thread that was joined may still be seen for a moment.
      for (let tries = 0; count() > before && tries < 1_000; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      console.log(JSON.stringify({ more: most > before || process.platform !== 'linux', left: count() - before }));
    `);
    expect(threads).toEqual({ more: true, left: 0 });
  });
});

describe('a run on memory that the addon handed out', () => {
  it('survives that its buffer is collected meanwhile', () => {
    const codes = answerOf(`
      const device = NpuDevice.open({ kind: 'simulator', configuration: 'ci', threads: 1 });
      const program = await device.load(file);
      const runs = Array.from({ length: 50 }, () => program.run(program.newInputs(2000)));
      await collect();
      const lengths = (await Promise.all(runs)).map(({ outputs }) => outputs.length);
      await device.close();
      console.log(JSON.stringify([...new Set(lengths)]));
    `);
    expect(codes).toEqual([2000 * 16]);
  });
});
