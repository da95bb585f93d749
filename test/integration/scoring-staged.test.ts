import { describe, expect, it } from 'vitest';
import type { NpuRoute, RunManifest } from '../../contract/image.ts';
import type { GoldenSamples } from '../../contract/tensors.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { goldenTensor, type ImageParts } from '../support/make-image.ts';
import { seededRandom } from '../support/random.ts';
import { stagedModel } from '../support/staged-model.ts';

const configuration = 'ci';
const compiled = stagedModel(configuration);
const staged: ImageParts = {
  name: 'staged',
  model: compiled.canonicalModel,
  accelerate: configuration,
  compiled,
};

/** Random floats for every input of so many items. */
function randomInputs(items: number, seed = 1) {
  const random = seededRandom(seed);
  return compiled.signature.inputs.map(({ name, shape: [, ...item] }) => {
    const count = items * item.reduce((product, size) => product * size, 1);
    const data = Array.from({ length: count }, () => Math.fround(random() / 2 ** 30 - 2));
    return { name, datatype: 'FP32', shape: [items, ...item], data };
  });
}

async function infer(
  scoring: LocalScoring,
  { route, items = 1, seed = 1 }: { route?: string; items?: number; seed?: number } = {},
) {
  const headers: Record<string, string> = route === undefined ? {} : { 'x-sluice-route': route };
  const answer = await scoring.post(
    '/v2/models/staged/infer',
    { inputs: randomInputs(items, seed) },
    { headers },
  );
  return { ...answer, route: answer.headers.get('x-sluice-route') };
}

describe('an image with head and tail', () => {
  it('answers with the same bytes on both routes, one item or several', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('staged', staged);
    for (const items of [1, 3]) {
      const cpu = await infer(scoring, { route: 'cpu', items });
      const npu = await infer(scoring, { route: 'fpga', items });
      expect([cpu.status, cpu.route, npu.status, npu.route]).toEqual([200, 'cpu', 200, 'fpga-sim']);
      expect(npu.text).toBe(cpu.text);
      const { outputs } = npu.json as { outputs: { name: string; shape: number[]; data: number[] }[] };
      expect(outputs.map(({ name, shape }) => [name, shape])).toEqual([
        ['probabilities', [items, 19]],
        ['features', [items, 6, 7, 19]],
      ]);
      expect(outputs[0]?.data.reduce((sum, value) => sum + value, 0)).toBeCloseTo(items, 4);
      expect(new Set(outputs[1]?.data).size).toBeGreaterThan(100);
    }
    expect((await infer(scoring, { route: 'fpga' })).headers.get('x-sluice-npu-estimate')).toContain(
      'item-ms=',
    );
  });

  it('answers many requests at once, each with its own answer', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('staged', staged);
    const seeds = Array.from({ length: 12 }, (_, index) => 2 * index + 1);
    const answers = await Promise.all(seeds.map((seed) => infer(scoring, { route: 'fpga', seed })));
    for (const [index, seed] of seeds.entries()) {
      expect(answers[index]?.text).toBe((await infer(scoring, { route: 'cpu', seed })).text);
    }
    expect(new Set(answers.map(({ text }) => text)).size).toBe(seeds.length);
  });

  it('is answered by the CPU with the same bytes when the NPU fails between head and tail', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('staged', { ...staged, policy: 'fpga' });
    const before = await infer(scoring);
    expect([before.status, before.route]).toEqual([200, 'fpga-sim']);
    await scoring.npu?.device.close();
    const after = await infer(scoring);
    expect([after.status, after.route]).toEqual([200, 'cpu; reason=device_closed']);
    expect(after.text).toBe(before.text);
  });

  it('refuses what its queue has no room for, and serves afterwards', async () => {
    const scoring = await startScoring({ npu: configuration });
    // Each stage keeps a request for a while, so that all are there at once.
    const edit = (run: RunManifest): void => {
      run.routes.batching = { itemsMax: 64, delayMicroseconds: 50_000 };
    };
    await scoring.deploy('staged', { ...staged, queueDepth: 2, edit });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, seed) => infer(scoring, { route: 'fpga', seed })),
    );
    const codes = answers.map(({ status, code }) => (status === 200 ? 'answered' : `${status} ${code}`));
    expect(new Set(codes)).toEqual(new Set(['answered', '429 queue_full']));
    expect(codes.filter((code) => code === 'answered').length).toBeGreaterThanOrEqual(3);
    expect((await infer(scoring, { route: 'fpga' })).status).toBe(200);
  });

  it('is served on the CPU alone by a device without NPU', async () => {
    const scoring = await startScoring();
    await scoring.deploy('staged', { ...staged, policy: 'fpga' });
    const { status, route } = await infer(scoring);
    expect([status, route]).toEqual([200, 'cpu; reason=device_unavailable']);
  });

  it('must give its golden samples on every route', async () => {
    const scoring = await startScoring({ npu: configuration });
    await scoring.deploy('staged', staged);
    const inputs = randomInputs(1).map(({ data, ...rest }) => ({
      ...rest,
      datatype: 'FP32' as const,
      data: new Uint8Array(Float32Array.from(data).buffer),
    }));
    const router = scoring.deployments.get('staged')?.router;
    if (router === undefined) throw new Error('not served');
    const copies = inputs.map((input) => ({ ...input, data: input.data.slice() }));
    const { outputs } = await router.run(router.plan('cpu'), copies);
    const sample: GoldenSamples['samples'][number] = {
      inputs: inputs.map(goldenTensor),
      outputs: outputs.map(goldenTensor),
    };
    await scoring.deploy('staged', { ...staged, samples: [sample] });
    const edit = ({ routes }: RunManifest): void => {
      Object.assign(routes.npu?.outputs[1] ?? {}, { scale: 0.5 });
    };
    await expect(scoring.deploy('staged', { ...staged, samples: [sample], edit })).rejects.toMatchObject({
      code: 'golden_mismatch',
      message: expect.stringContaining('route fpga-sim'),
    });
  });
});

describe('a run manifest whose NPU route does not hold together is refused', () => {
  const refusals: [string, (npu: NpuRoute) => void][] = [
    ['no binding of the tensor that the head gives', ({ inputs }) => change(inputs[0], { tensor: 'other' })],
    ['an NPU input that comes behind the NPU', ({ inputs }) => change(inputs[0], { tensor: 'scores' })],
    ['two tensors on the same bytes', ({ inputs }) => change(inputs[1], { offsetBytes: 0 })],
    ['an output that nobody gives', ({ outputs }) => void outputs.shift()],
    ['an output that is given twice', ({ outputs }) => void outputs.push({ ...at(outputs, 0) })],
    ['an NPU output that nobody reads', ({ outputs }) => change(outputs[1], { tensor: 'unread' })],
    ['a tail that reads what nobody gives', ({ tail }) => change(tail?.inputs[1], { name: 'unknown' })],
    ['a tail that reads another form', ({ tail }) => change(tail?.inputs[0], { shape: [-1, 18] })],
    ['a tail that gives another form', ({ tail }) => change(tail?.outputs[0], { datatype: 'FP64' })],
    ['a tail that gives what is there already', ({ tail }) => change(tail?.outputs[0], { name: 'features' })],
    ['a head that reads what comes behind it', ({ head }) => change(head?.inputs[0], { name: 'scores' })],
    ['a head that gives a graph input', ({ head }) => change(head?.outputs[0], { name: 'extra' })],
    ['integers at the NPU', ({ head }) => change(head?.outputs[0], { datatype: 'INT8' })],
    ['a head that the layers lack', (npu) => delete npu.head],
    ['a head whose model has no such output', renameBoundary],
    ['a tail layer that the manifest does not name', (npu) => delete npu.tail],
  ];

  it('and leaves nothing that would keep the device from serving', async () => {
    const scoring = await startScoring({ npu: configuration });
    for (const [what, edit] of refusals) {
      const parts = { ...staged, edit: ({ routes }: RunManifest) => edit(routes.npu as NpuRoute) };
      const refused = scoring.deploy('staged', parts);
      await expect(refused, what).rejects.toMatchObject({ code: 'manifest_invalid' });
      expect(scoring.deployments.names, what).toEqual([]);
    }
    await scoring.deploy('staged', staged);
    expect((await infer(scoring, { route: 'fpga' })).status).toBe(200);
  });
});

function change<Target extends object>(target: Target | undefined, values: Partial<Target>): void {
  if (target === undefined) throw new Error('nothing to change');
  Object.assign(target, values);
}

function at<Element>(elements: readonly Element[], index: number): Element {
  const element = elements[index];
  if (element === undefined) throw new Error(`no element ${index}`);
  return element;
}

function renameBoundary({ head, inputs }: NpuRoute): void {
  change(head?.outputs[0], { name: 'renamed' });
  change(inputs[0], { tensor: 'renamed' });
}
