import { describe, expect, it } from 'vitest';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { fashionModel, goldenTensor, type ImageParts, makeImage } from '../support/make-image.ts';
import { busyModel } from '../support/serving-models.ts';

const input = floatInput(fashionSet(), 0);
const body = { inputs: [{ name: 'input', shape: [1, 784], datatype: 'FP32', data: [...input] }] };

/** The golden sample of the first image, with outputs as the model gives them; `wrong` changes one byte. */
async function goldenSample(
  scoring: LocalScoring,
  wrong = false,
): Promise<NonNullable<ImageParts['samples']>> {
  const answer = await scoring.post('/v2/models/fashion/infer', body);
  const { outputs } = answer.json as { outputs: { data: number[] }[] };
  const logits = Float32Array.from(outputs[0]?.data ?? []);
  if (wrong) logits[7] = (logits[7] ?? 0) + 0.5;
  const tensor = (name: string, values: Float32Array) =>
    goldenTensor({
      name,
      datatype: 'FP32',
      shape: [1, values.length],
      data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    });
  return [{ inputs: [tensor('input', input)], outputs: [tensor('logits', logits)] }];
}

/** Scores without pause until told to stop. */
function load(
  scoring: LocalScoring,
  path: string,
): () => Promise<{ statuses: Set<number>; images: Set<string>; count: number }> {
  const seen = { statuses: new Set<number>(), images: new Set<string>(), count: 0 };
  let stopped = false;
  const client = async (): Promise<void> => {
    while (!stopped) {
      const answer = await scoring.post(path, body);
      seen.statuses.add(answer.status);
      seen.images.add(answer.headers.get('x-sluice-image') ?? 'none');
      seen.count += 1;
    }
  };
  const clients = [client(), client(), client(), client()];
  return async () => {
    stopped = true;
    await Promise.all(clients);
    return seen;
  };
}

describe('activation', () => {
  it('swaps under load without a failed request, script and NPU included', async () => {
    const scoring = await startScoring({ npu: 'kv260-m' });
    const script = `export const run = async (input, context) => {
      const { logits } = await context.infer({ input: { shape: [1, 784], data: input.json().inputs[0].data } });
      return { logits: logits.data, version: context.image.version };
    };`;
    const parts = { script, accelerate: 'kv260-m', sessions: 2 };
    const digests = [await scoring.deploy('fashion', parts)];
    const stops = [load(scoring, '/v2/models/fashion/infer'), load(scoring, '/score')];
    for (const version of [2, 3, 4]) digests.push(await scoring.deploy('fashion', { ...parts, version }));
    const results = await Promise.all(stops.map((stop) => stop()));
    for (const { statuses, images, count } of results) {
      expect([...statuses]).toEqual([200]);
      expect(count).toBeGreaterThan(20);
      expect(images.size).toBeGreaterThan(1);
      for (const image of images) expect(digests).toContain(image);
    }
    const { version } = (await scoring.post('/score', body)).json as { version: number };
    expect(version).toBe(4);
  });

  it('lets requests end on the image that they began on', async () => {
    const scoring = await startScoring();
    const busy = { model: busyModel(), samples: [busySample(1)] };
    const first = await scoring.deploy('busy', busy);
    const running = scoring.post('/score', { size: [900, 900] });
    await untilRunning(scoring);
    const second = await scoring.deploy('busy', { ...busy, version: 2 });
    const answer = await running;
    expect([answer.status, answer.headers.get('x-sluice-image')]).toEqual([200, first]);
    expect((await scoring.post('/score', { size: [2, 2] })).headers.get('x-sluice-image')).toBe(second);
  });

  it('refuses a candidate that is not as its samples say, and what is damaged; the old one goes on', async () => {
    const scoring = await startScoring({ npu: 'kv260-m' });
    const digest = await scoring.deploy('fashion');
    const samples = await goldenSample(scoring);
    const good = await scoring.deploy('fashion', { version: 2, samples, accelerate: 'kv260-m' });
    expect(good).not.toBe(digest);

    const wrong = await goldenSample(scoring, true);
    const [sample] = samples;
    const input784 = sample?.inputs[0] as NonNullable<typeof sample>['inputs'][number];
    const damaged = fashionModel().slice();
    damaged.fill(0xff, 100, 400);
    const cases: [string, ImageParts][] = [
      ['golden_mismatch', { samples: wrong }],
      ['golden_mismatch', { samples: [...samples, ...wrong], accelerate: 'kv260-m' }],
      ['golden_mismatch', { samples: [{ inputs: [input784], outputs: [input784] }] }],
      [
        'manifest_invalid',
        { samples: [{ inputs: [{ ...input784, shape: [2, 784] }], outputs: [input784] }] },
      ],
      [
        'manifest_invalid',
        { edit: (run) => Object.assign(run.signature.inputs[0] ?? {}, { name: 'other' }) },
      ],
      [
        'manifest_invalid',
        { edit: (run) => Object.assign(run.signature.outputs[0] ?? {}, { name: 'other' }) },
      ],
      [
        'manifest_invalid',
        { edit: (run) => Object.assign(run.signature.outputs[0] ?? {}, { datatype: 'BF8' }) },
      ],
      [
        'engine_failed',
        { edit: (run) => Object.assign(run.signature.outputs[0] ?? {}, { datatype: 'FP64' }) },
      ],
    ];
    for (const [code, parts] of cases) {
      await expect(scoring.deploy('fashion', { ...parts, version: 3 })).rejects.toMatchObject({ code });
    }
    const broken = await makeImage(scoring.blobs, { version: 4 });
    const { digest: brokenModel } = await modelLayer(scoring, broken);
    await scoring.blobs.remove(brokenModel);
    await expect(scoring.deployments.activate('fashion', broken)).rejects.toMatchObject({
      code: 'blob_unavailable',
    });
    const missing = `sha256:${'0'.repeat(64)}`;
    await expect(scoring.deployments.activate('fashion', missing)).rejects.toMatchObject({
      code: 'blob_unavailable',
    });
    const answer = await scoring.post('/v2/models/fashion/infer', body);
    expect([answer.status, answer.headers.get('x-sluice-image')]).toEqual([200, good]);
  });

  it('names sample, output, element, both values and the route of a mismatch', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const samples = await goldenSample(scoring, true);
    await expect(scoring.deploy('fashion', { samples, version: 2 })).rejects.toThrowError(
      /golden sample 0, output logits, route cpu: element 7 expected -?[\d.e-]+, got -?[\d.e-]+/,
    );
  });

  it('keeps the event loop live while a model loads', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    let ticks = 0;
    let during = 0;
    const ticker = setInterval(() => {
      ticks += 1;
    }, 1);
    const stop = load(scoring, '/v2/models/fashion/infer');
    // Its warm-up computes for long: on this thread it would leave no tick at all.
    await scoring.deploy('busy', { model: busyModel(), samples: [busySample(600)] });
    during = ticks;
    clearInterval(ticker);
    const { statuses, count } = await stop();
    expect([...statuses]).toEqual([200]);
    expect(count).toBeGreaterThan(10);
    expect(during).toBeGreaterThan(20);
  });

  it('does nothing twice, and serves nothing after a removal', async () => {
    const scoring = await startScoring();
    const digest = await scoring.deploy('fashion');
    const before = scoring.deployments.get('fashion');
    await scoring.deployments.activate('fashion', digest);
    expect(scoring.deployments.get('fashion')).toBe(before);
    await scoring.deployments.remove('fashion');
    await scoring.deployments.remove('fashion');
    expect((await scoring.post('/v2/models/fashion/infer', body)).code).toBe('unknown_model');
  });

  it('removes a deployment without waiting for the image of another', async () => {
    const scoring = await startScoring();
    const digest = await scoring.deploy('fashion');
    const busy = scoring.deploy('busy', { model: busyModel(), samples: [busySample(600)] });
    await expect.poll(() => scoring.deployments.isKnown('busy')).toBe(true);
    await scoring.deployments.remove('fashion');
    expect(scoring.deployments.names).toEqual([]);
    // One that is on its way itself is waited for.
    const again = scoring.deployments.activate('fashion', digest);
    await scoring.deployments.remove('fashion');
    await again;
    await busy;
    expect(scoring.deployments.names).toEqual(['busy']);
  });
});

function busySample(size: number): NonNullable<ImageParts['samples']>[number] {
  const data = new Uint8Array(new BigInt64Array([BigInt(size), BigInt(size)]).buffer);
  return {
    inputs: [goldenTensor({ name: 'size', datatype: 'INT64', shape: [2], data })],
    outputs: [goldenTensor({ name: 'sum', datatype: 'FP32', shape: [], data: new Uint8Array(4) })],
  };
}

/** Until the busy deployment has a run under way: what comes now would have to wait. */
async function untilRunning(scoring: LocalScoring): Promise<void> {
  const [cpu] = scoring.deployments.get('busy')?.router.engines ?? [];
  const idleMs = cpu?.expectedMs() ?? 0;
  while ((cpu?.expectedMs() ?? 0) <= idleMs) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function modelLayer(scoring: LocalScoring, image: string): Promise<{ digest: string }> {
  const manifest = JSON.parse(Buffer.from(await scoring.blobs.read(image, { bytesMax: 1e6 })).toString()) as {
    layers: { digest: string }[];
  };
  return manifest.layers[0] as { digest: string };
}
