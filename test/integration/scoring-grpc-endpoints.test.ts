import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type CallOptions, type LocalGrpc, startGrpc } from '../support/local-grpc.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { parseScrape, sampleValue } from '../support/prometheus-text.ts';
import { accumulatorModel, identityModel } from '../support/serving-models.ts';
import { eventually } from '../support/workspace-fixture.ts';

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');
const keys = { primary: hashOf('first'), secondary: hashOf('second') };
const withKey = { metadata: { authorization: 'Bearer second' } };
const input = { name: 'in_int32', datatype: 'INT32', shape: [1, 3], contents: { int_contents: [1, 2, 3] } };

/** Three deployments, the first two behind an endpoint with keys, and random numbers that the test chooses. */
async function serve(): Promise<{ scoring: LocalScoring; grpc: LocalGrpc; dice: { numbers: number[] } }> {
  const dice = { numbers: [] as number[] };
  const scoring = await startScoring({ random: () => dice.numbers.shift() ?? 0.5 });
  const names = ['blue', 'green', 'free'];
  const model = identityModel(['INT32']);
  for (const [index, name] of names.entries()) await scoring.deploy(name, { model, version: index + 1 });
  const shop = { name: 'shop', traffic: { blue: 100 }, mirror: { green: 10 }, keys };
  scoring.endpoints.configure({ endpoints: [shop], deployments: names });
  return { scoring, grpc: await startGrpc(scoring, { allowsModelControl: true }), dice };
}

function infer(grpc: LocalGrpc, name: string, options: CallOptions = {}) {
  return grpc.call('ModelInfer', { model_name: name, inputs: [input] }, options);
}

describe('an endpoint over gRPC', () => {
  it('lets nobody through to its deployments without a key, by any call', async () => {
    const { grpc } = await serve();
    const calls = ['shop', 'blue', 'green'].flatMap((name): [string, object][] => [
      ['ModelInfer', { model_name: name, inputs: [input] }],
      ...['ModelReady', 'ModelMetadata', 'ModelConfig', 'ModelStatistics'].map((method): [string, object] => [
        method,
        { name },
      ]),
    ]);
    const control = ['RepositoryModelUnload', 'RepositoryModelLoad'].map((method): [string, object] => [
      method,
      { model_name: 'blue' },
    ]);
    for (const options of [{}, { metadata: { authorization: 'Bearer third' } }]) {
      for (const [method, message] of [...calls, ...control]) {
        const { status, trailers } = await grpc.call(method, message, options);
        const code = trailers.get('sluice-code')[0];
        expect([method, message, status, code]).toEqual([method, message, 'UNAUTHENTICATED', 'unauthorized']);
      }
      const { call, next } = grpc.stream(options);
      call.write({ model_name: 'shop', inputs: [input] });
      expect((await next(1))[0]?.error_message).toContain('authorization');
      call.end();
    }
    // What it hides would be there otherwise.
    for (const [method, message] of [...calls, ...control]) {
      expect([method, message, (await grpc.call(method, message, withKey)).status]).toEqual([
        method,
        message,
        'OK',
      ]);
    }
    for (const method of ['ServerLive', 'ServerReady', 'ServerMetadata', 'Check']) {
      expect((await grpc.call(method)).status).toBe('OK');
    }
    expect((await infer(grpc, 'free')).status).toBe('OK');
    expect((await grpc.call('ModelReady', { name: 'shop' }, withKey)).message).toEqual({ ready: true });
  });

  it('shows in lists what the key of the call opens', async () => {
    const { grpc } = await serve();
    const seen = async (options?: CallOptions): Promise<unknown[]> => {
      const index = (await grpc.call('RepositoryIndex', {}, options)).message;
      const statistics = (await grpc.call('ModelStatistics', {}, options)).message;
      return [index?.models, statistics?.model_stats].map((list) =>
        (list as { name: string }[]).map(({ name }) => name),
      );
    };
    expect(await seen()).toEqual([['free'], ['free']]);
    expect(await seen(withKey)).toEqual(Array(2).fill(['blue', 'green', 'free']));
  });

  it('divides and mirrors requests, says who answered, and counts them', async () => {
    const { scoring, grpc, dice } = await serve();
    // The traffic's throw, then the mirror's.
    dice.numbers = [0, 0.09];
    const first = await infer(grpc, 'shop', withKey);
    expect(first.metadata.get('azureml-model-deployment')).toEqual(['blue']);
    expect(first.message).toMatchObject({ model_name: 'blue', model_version: '1' });
    await eventually(async () => scoring.deployments.get('green')?.mirrored.succeeded === 1);
    dice.numbers = [0, 0.11];
    await infer(grpc, 'shop', withKey);
    await infer(grpc, 'blue', withKey);
    const bad = { model_name: 'free', inputs: [{ ...input, shape: [1, 4] }] };
    expect((await grpc.call('ModelInfer', bad)).status).toBe('INVALID_ARGUMENT');
    expect(scoring.deployments.get('green')?.mirrored).toEqual({ succeeded: 1, failed: 0, skipped: 0 });
    const samples = parseScrape((await scoring.get('/metrics')).text);
    const counted = (model: string, status: string): number | undefined =>
      sampleValue(samples, 'sluice_requests_total', { model, dialect: 'grpc', status });
    expect([counted('blue', '200'), counted('free', '400')]).toEqual([3, 1]);
  });
});

describe('a sequence over gRPC', () => {
  it('goes by parameters or metadata, and is that of HTTP', async () => {
    const scoring = await startScoring();
    await scoring.deploy('sums', {
      model: accumulatorModel(),
      sequence: { state: [{ input: 'sum', output: 'next' }], idleMs: 60_000, sequencesMax: 1 },
    });
    const grpc = await startGrpc(scoring);
    const floats = (name: string, shape: number[], values: number[]) => {
      return { name, shape, datatype: 'FP32', contents: { fp32_contents: values } };
    };
    const request = (parameters: object): object => {
      const inputs = [floats('x', [1, 3], [1, 2, 3]), floats('gain', [], [1])];
      return { model_name: 'sums', inputs, parameters };
    };
    const ask = async (parameters: object, options?: CallOptions): Promise<unknown> => {
      const { message, trailers } = await grpc.call('ModelInfer', request(parameters), options);
      if (message === undefined) return trailers.get('sluice-code')[0];
      const [bytes, ...others] = message.raw_output_contents as Uint8Array[];
      expect(others).toEqual([]);
      return [...new Float32Array(new Uint8Array(bytes ?? []).buffer)];
    };
    const flag = { bool_param: true };
    expect(await ask({ sequence_id: { int64_param: 7 } })).toBe('sequence_unknown');
    expect(await ask({ sequence_id: { int64_param: 7 }, sequence_start: flag })).toEqual([1, 2, 3]);
    expect(await ask({ sequence_id: { uint64_param: 7 } })).toEqual([2, 4, 6]);
    expect(await ask({ sequence_id: { string_param: '7' } })).toEqual([3, 6, 9]);
    expect(await ask({}, { metadata: { 'x-sluice-sequence-id': '7' } })).toEqual([4, 8, 12]);
    expect(await ask({ sequence_id: { string_param: 'other' }, sequence_start: flag })).toBe(
      'sequences_full',
    );
    const overHttp = await scoring.post('/v2/models/sums/infer', {
      parameters: { sequence_id: 7 },
      inputs: [
        { name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] },
        { name: 'gain', shape: [], datatype: 'FP32', data: [1] },
      ],
    });
    expect(overHttp.json).toMatchObject({ outputs: [{ name: 'y', data: [5, 10, 15] }] });
    expect(await ask({ sequence_id: { int64_param: 7 }, sequence_end: flag })).toEqual([6, 12, 18]);
    expect(await ask({ sequence_id: { int64_param: 7 } })).toBe('sequence_unknown');
    // Outside sequences the state is an input like others.
    expect(await ask({})).toBe('tensor_name');
    const { call, next } = grpc.stream();
    for (let index = 0; index < 30; index += 1) {
      call.write(
        request({ sequence_id: { int64_param: 9 }, ...(index === 0 ? { sequence_start: flag } : {}) }),
      );
    }
    call.end();
    const last = (await next(30)).at(-1)?.infer_response as { raw_output_contents: Uint8Array[] } | undefined;
    const sums = new Float32Array(new Uint8Array(last?.raw_output_contents[0] ?? []).buffer);
    expect([...sums]).toEqual([30, 60, 90]);
  });
});
