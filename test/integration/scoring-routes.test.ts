import { describe, expect, it } from 'vitest';
import type { RunManifest } from '../../contract/image.ts';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';

const configuration = 'kv260-m';
const images = fashionSet();
const pixels = [floatInput(images, 0), floatInput(images, 1)].flatMap((image) => [...image]);
const body = { inputs: [{ name: 'input', shape: [2, 784], datatype: 'FP32', data: pixels }] };

async function infer(scoring: LocalScoring, route?: string) {
  const headers: Record<string, string> = route === undefined ? {} : { 'x-sluice-route': route };
  const answer = await scoring.post('/v2/models/fashion/infer', body, { headers });
  return { ...answer, route: answer.headers.get('x-sluice-route') };
}

describe('routes', () => {
  it('are chosen by the request, and named in the answer', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('fashion', { accelerate: configuration });
    const texts = new Set<string>();
    for (const [asked, named] of [
      ['cpu', 'cpu'],
      ['fpga', 'fpga-sim'],
      ['fpga-sim', 'fpga-sim'],
    ] as const) {
      const { status, route, text } = await infer(scoring, asked);
      expect([status, route]).toEqual([200, named]);
      texts.add(text);
    }
    expect(texts.size).toBe(1);
    const auto = await infer(scoring, 'auto');
    expect(['cpu', 'fpga-sim']).toContain(auto.route);
    expect(texts).toContain(auto.text);
    const unknown = await infer(scoring, 'gpu');
    expect([unknown.status, unknown.code]).toEqual([400, 'invalid_request']);
  });

  it('that are simulated tell what the hardware should take, beside the answer', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('fashion', { accelerate: configuration });
    const simulated = (await infer(scoring, 'fpga')).headers.get('x-sluice-npu-estimate');
    const told = /^estimated; item-ms=(\d+\.\d{4}); configuration=kv260-m; calibrated=none$/.exec(
      simulated ?? '',
    );
    expect(Number(told?.[1])).toBeGreaterThan(0);
    expect((await infer(scoring, 'cpu')).headers.get('x-sluice-npu-estimate')).toBeNull();
  });

  it('that an image lacks cannot be asked for', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('fashion');
    for (const asked of ['fpga', 'fpga-sim']) {
      const { status, code } = await infer(scoring, asked);
      expect([status, code]).toEqual([400, 'route_unavailable']);
    }
    expect((await infer(scoring)).route).toBe('cpu');
  });

  it('fall back to the CPU with the same answer when the NPU fails, unless it was asked for', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('fashion', { accelerate: configuration, policy: 'fpga' });
    const before = await infer(scoring);
    expect(before.route).toBe('fpga-sim');
    await scoring.npu?.device.close();
    const after = await infer(scoring);
    expect([after.status, after.route]).toEqual([200, 'cpu; reason=device_closed']);
    expect(after.text).toBe(before.text);
    const asked = await infer(scoring, 'fpga');
    expect([asked.status, asked.code, asked.route]).toEqual([503, 'breaker_open', 'fpga-sim']);
    expect(Number(asked.headers.get('retry-after'))).toBe(1);
  });

  it('say why the CPU answers when the device has no NPU', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion', { accelerate: configuration, policy: 'fpga' });
    expect((await infer(scoring)).route).toBe('cpu; reason=device_unavailable');
    expect((await infer(scoring, 'fpga')).code).toBe('route_unavailable');
  });

  it('do not take a program for another hardware configuration, nor one with wrong bindings', async () => {
    const scoring = await startScoring({ npu: configuration });
    await expect(scoring.deploy('fashion', { accelerate: 'ci' })).rejects.toMatchObject({
      code: 'program_hardware_mismatch',
    });
    const edits: ((npu: NonNullable<RunManifest['routes']['npu']>) => void)[] = [
      (npu) => Object.assign(npu.inputs[0] ?? {}, { tensor: 'other' }),
      (npu) => Object.assign(npu.inputs[0] ?? {}, { elementCount: 783 }),
      (npu) => Object.assign(npu.outputs[0] ?? {}, { offsetBytes: 1_000_000 }),
    ];
    for (const edit of edits) {
      const refused = scoring.deploy('fashion', {
        accelerate: configuration,
        edit: ({ routes }) => routes.npu && edit(routes.npu),
      });
      await expect(refused).rejects.toMatchObject({ code: 'manifest_invalid' });
    }
    expect(scoring.deployments.names).toEqual([]);
  });
});
