import { describe, expect, it, onTestFinished } from 'vitest';
import { type OpenNpu, openNpu } from '../../agent/scoring/npu-device.ts';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import { stagedModel } from '../support/staged-model.ts';
import { silentLogger } from '../support/workspace-fixture.ts';

const configuration = 'ci';
const { program: file } = stagedModel(configuration);

async function openSimulator() {
  const now = { ms: 0 };
  const options = { limits: scoringLimits, nowMs: () => now.ms, log: silentLogger };
  const npu = await openNpu({ kind: 'simulator', configuration }, options);
  if (npu === undefined) throw new Error('no simulator');
  onTestFinished(() => npu.close());
  return { npu, now };
}

async function load(npu: OpenNpu) {
  let reads = 0;
  const program = await npu.load(file, async () => {
    reads += 1;
    return file;
  });
  const run = async () => (await program.run(new Uint8Array(program.inputBytes))).outputs;
  return { program, run, reads: () => reads };
}

describe('the NPU of a process', () => {
  it('is opened anew once, however many ask, with every program that was on it', async () => {
    const { npu } = await openSimulator();
    const [one, other] = [await load(npu), await load(npu)];
    const before = await one.run();
    const first = npu.device;
    await first.close();
    const told: string[] = [];
    one.program.watch({ answered: () => told.push('answered'), failed: ({ code }) => told.push(code) });
    await expect(one.run()).rejects.toMatchObject({ code: 'device_closed' });
    await Promise.all([npu.revive(one.program), npu.revive(other.program)]);
    expect(npu.device).not.toBe(first);
    expect([one.reads(), other.reads()]).toEqual([1, 1]);
    expect(await one.run()).toEqual(before);
    expect(await other.run()).toEqual(before);
    expect(told).toEqual(['device_closed', 'answered']);
  });

  it('stays open for programs that it answers; one that failed is loaded again', async () => {
    const { npu, now } = await openSimulator();
    const [failing, healthy] = [await load(npu), await load(npu)];
    const { device } = npu;
    await healthy.run();
    failing.program.detach();
    await expect(failing.run()).rejects.toMatchObject({ code: 'device_unavailable' });
    await npu.revive(failing.program);
    expect(npu.device).toBe(device);
    expect(await failing.run()).toEqual(await healthy.run());
    now.ms += scoringLimits.npuReopenQuietMs + 1;
    await npu.revive(failing.program);
    expect(npu.device).not.toBe(device);
    expect(await healthy.run()).toEqual(await failing.run());
  });

  it('has no more of a program that was unloaded, and loads new ones wherever it is', async () => {
    const { npu } = await openSimulator();
    const [gone, kept] = [await load(npu), await load(npu)];
    gone.program.unload();
    const revived = npu.revive(kept.program);
    const late = await load(npu);
    await revived;
    expect(await late.run()).toEqual(await kept.run());
    expect(gone.reads()).toBe(0);
    await expect(gone.run()).rejects.toMatchObject({ code: 'device_unavailable' });
  });

  it('is not opened again once it is closed for good', async () => {
    const { npu } = await openSimulator();
    const { program } = await load(npu);
    await npu.close();
    await expect(npu.revive(program)).rejects.toMatchObject({ code: 'device_closed' });
    await npu.close();
  });
});
