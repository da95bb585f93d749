import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import type { Tensor as ImageTensor } from '../../contract/tensors.ts';
import { startScoring } from '../support/local-scoring.ts';
import { goldenTensor, type ImageParts } from '../support/make-image.ts';
import { repositoryPath } from '../support/paths.ts';
import { seededRandom } from '../support/random.ts';

const sampleRate = 16_000;
const frameSamples = 512;
/** What the model wants to see of the frame before. */
const contextSamples = 64;
const stateShape = [2, 1, 128];
const frameCount = 100;

// `.ci/run` installs the package, of whose files the model is one.
const libraries = repositoryPath('build', 'python', 'lib');
const file = (existsSync(libraries) ? readdirSync(libraries) : [])
  .map((python) => join(libraries, python, 'site-packages', 'silero_vad', 'data', 'silero_vad.onnx'))
  .find(existsSync);
if (file === undefined) {
  process.stderr.write(
    'SKIPPED: Silero VAD; python3 -m venv build/python && build/python/bin/pip install --no-deps silero-vad==6.2.3\n',
  );
}

/** Frames with their context: silence, a voice-like hum with overtones that comes and goes, and noise. */
function stream(seed: number): Float32Array[] {
  const random = seededRandom(seed);
  const samples = new Float32Array(contextSamples + frameCount * frameSamples);
  const pitch = 100 + 20 * seed;
  for (let index = contextSamples; index < samples.length; index += 1) {
    const seconds = index / sampleRate;
    const loudness = Math.max(0, Math.sin(2 * Math.PI * (0.6 + 0.2 * seed) * seconds));
    let hum = 0;
    for (let overtone = 1; overtone <= 12; overtone += 1) {
      hum += Math.sin(2 * Math.PI * pitch * overtone * seconds) / overtone;
    }
    samples[index] = 0.2 * loudness * hum + 0.01 * (random() / 2 ** 31 - 1);
  }
  return Array.from({ length: frameCount }, (_, frame) =>
    samples.slice(frame * frameSamples, (frame + 1) * frameSamples + contextSamples),
  );
}

/** The model without a server, its state carried along by hand. */
class Direct {
  readonly #session: InferenceSession;
  #state = new Float32Array(256);

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  async run(frame: Float32Array): Promise<{ output: number; state: Float32Array }> {
    const results = await this.#session.run({
      input: new Tensor('float32', frame, [1, frame.length]),
      state: new Tensor('float32', this.#state, stateShape),
      sr: new Tensor('int64', BigInt64Array.of(BigInt(sampleRate)), []),
    });
    const { output, stateN } = results as Record<'output' | 'stateN', Tensor>;
    this.#state = Float32Array.from(stateN.data as Float32Array);
    return { output: Number(output.data[0]), state: this.#state };
  }
}

/** A frame of the stream with its answer: an image of this model needs one, because it cannot run on zeros. */
function goldenSample(frame: Float32Array, answer: { output: number; state: Float32Array }) {
  const floats = (name: string, shape: number[], values: Float32Array): ImageTensor => {
    return { name, datatype: 'FP32', shape, data: new Uint8Array(values.buffer) };
  };
  const sr = {
    name: 'sr',
    datatype: 'INT64',
    shape: [],
    data: new Uint8Array(BigInt64Array.of(16_000n).buffer),
  };
  const inputs = [
    floats('input', [1, frame.length], frame),
    floats('state', stateShape, new Float32Array(256)),
  ];
  const outputs = [
    floats('output', [1, 1], Float32Array.of(answer.output)),
    floats('stateN', stateShape, answer.state),
  ];
  return {
    inputs: [...inputs, sr as ImageTensor].map(goldenTensor),
    outputs: outputs.map(goldenTensor),
  };
}

it.skipIf(file === undefined)('Silero VAD hears two streams at once as it hears each alone', async () => {
  const model = readFileSync(file as string);
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const streams = [stream(1), stream(2)];
  const expected: number[][] = [];
  for (const frames of streams) {
    const direct = new Direct(session);
    const outputs: number[] = [];
    for (const frame of frames) outputs.push((await direct.run(frame)).output);
    expected.push(outputs);
  }
  const [first = new Float32Array()] = streams[0] ?? [];
  const parts: ImageParts = {
    name: 'vad',
    model,
    samples: [goldenSample(first, await new Direct(session).run(first))],
    sequence: { state: [{ input: 'state', output: 'stateN' }], idleMs: 60_000, sequencesMax: 2 },
  };
  const scoring = await startScoring();
  await scoring.deploy('vad', parts);
  const ask = (frame: Float32Array, sequence: Record<string, unknown>) =>
    scoring.post('/v2/models/vad/infer', {
      inputs: [
        { name: 'input', shape: [1, frame.length], datatype: 'FP32', data: [...frame] },
        { name: 'sr', shape: [], datatype: 'INT64', data: [sampleRate] },
      ],
      parameters: sequence,
    });
  const listen = async (frames: readonly Float32Array[], id: number): Promise<number[]> => {
    const heard: number[] = [];
    for (const [index, frame] of frames.entries()) {
      const flags = { sequence_start: index === 0, sequence_end: index === frameCount - 1 };
      const answer = await ask(frame, { sequence_id: id, ...flags });
      const { outputs } = answer.json as { outputs: { name: string; data: number[] }[] };
      expect(outputs.map(({ name }) => name)).toEqual(['output']);
      heard.push(outputs[0]?.data[0] ?? Number.NaN);
    }
    return heard;
  };
  const bits = (values: readonly number[]) => Buffer.from(Float32Array.from(values).buffer).toString('hex');
  const heard = await Promise.all(streams.map((frames, index) => listen(frames, index + 1)));
  expect(heard.map(bits)).toEqual(expected.map(bits));
  // The streams differ, they hold something to hear, and what is heard depends on what came before.
  expect(bits(heard[0] ?? [])).not.toBe(bits(heard[1] ?? []));
  const [speech = []] = expected;
  expect(Math.max(...speech) - Math.min(...speech)).toBeGreaterThan(0.1);
  const last = streams[0]?.at(-1) ?? first;
  expect((await new Direct(session).run(last)).output).not.toBe(speech.at(-1));

  await scoring.deploy('vad', {
    ...parts,
    version: 2,
    sequence: { state: [{ input: 'state', output: 'stateN' }], idleMs: 50, sequencesMax: 2 },
  });
  expect((await ask(first, { sequence_id: 1, sequence_start: true })).status).toBe(200);
  await sleep(150);
  expect((await ask(first, { sequence_id: 1 })).code).toBe('sequence_unknown');
  expect(scoring.deployments.get('vad')?.sequences?.stateBytes).toBe(0);
});
