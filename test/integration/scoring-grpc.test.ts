import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { writeByteElements } from '../../contract/byte-elements.ts';
import { limits } from '../../contract/limits.ts';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { encode, type LocalGrpc, startGrpc } from '../support/local-grpc.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { goldenTensor } from '../support/make-image.ts';
import { busyModel, identityModel } from '../support/serving-models.ts';

const pixels = floatInput(fashionSet(), 0);
const raw = Buffer.from(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
const input = { name: 'input', shape: [1, 784], datatype: 'FP32' };
const request = { model_name: 'fashion', inputs: [input], raw_input_contents: [raw] };

interface InferAnswer {
  id: string;
  model_name: string;
  model_version: string;
  parameters: Record<string, { string_param?: string; bool_param?: boolean }>;
  outputs: { name: string; datatype: string; shape: number[] }[];
  raw_output_contents: Uint8Array[];
}

function inferOf(message: Record<string, unknown> | undefined): InferAnswer {
  if (message === undefined) throw new Error('no answer');
  return message as unknown as InferAnswer;
}

async function startFashion(
  options: Parameters<typeof startGrpc>[1] = {},
): Promise<{ scoring: LocalScoring; grpc: LocalGrpc; digest: string }> {
  const scoring = await startScoring();
  const digest = await scoring.deploy('fashion', { version: 3 });
  return { scoring, grpc: await startGrpc(scoring, options), digest };
}

/** A model whose run takes as long as the request says. */
async function startBusy(queueDepth: number): Promise<{ scoring: LocalScoring; grpc: LocalGrpc }> {
  const scoring = await startScoring();
  const size = { name: 'size', datatype: 'INT64', shape: [2], data: sizeOf(1) } as const;
  const sum = { name: 'sum', datatype: 'FP32', shape: [], data: new Uint8Array(4) } as const;
  const samples = [
    {
      inputs: [goldenTensor({ ...size, shape: [2] })],
      outputs: [goldenTensor({ ...sum, shape: [] })],
    },
  ];
  await scoring.deploy('busy', { model: busyModel(), samples, queueDepth });
  return { scoring, grpc: await startGrpc(scoring) };
}

function sizeOf(size: number): Uint8Array {
  return new Uint8Array(new BigInt64Array([BigInt(size), BigInt(size)]).buffer);
}

function busy(size: number): object {
  const inputs = [{ name: 'size', datatype: 'INT64', shape: [2] }];
  return { model_name: 'busy', inputs, raw_input_contents: [sizeOf(size)] };
}

/** Waits until the engines of the busy model have so many requests, waiting or running. */
async function taken(scoring: LocalScoring, requests: number): Promise<void> {
  const engines = scoring.deployments.get('busy')?.router.engines ?? [];
  const count = (): number =>
    engines.reduce((sum, { load }) => sum + (load?.depth ?? 0) + (load?.running ?? 0), 0);
  await expect.poll(count, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(requests);
}

describe('gRPC', () => {
  it('describes server and models, and says what is ready', async () => {
    const scoring = await startScoring();
    const grpc = await startGrpc(scoring);
    expect((await grpc.call('ServerLive')).message).toEqual({ live: true });
    expect((await grpc.call('ServerReady')).message).toEqual({ ready: false });
    expect((await grpc.call('Check')).message).toEqual({ status: 'NOT_SERVING' });
    await scoring.deploy('fashion', { version: 3 });
    expect((await grpc.call('ServerReady')).message).toEqual({ ready: true });
    expect((await grpc.call('Check')).message).toEqual({ status: 'SERVING' });
    expect((await grpc.call('Check', { service: 'another' })).status).toBe('NOT_FOUND');
    expect((await grpc.call('ServerMetadata')).message).toMatchObject({ name: 'sluice' });
    const isReady = async (model: object): Promise<unknown> =>
      (await grpc.call('ModelReady', model)).message?.ready;
    expect(await isReady({ name: 'fashion', version: '3' })).toBe(true);
    expect(await isReady({ name: 'fashion', version: '4' })).toBe(false);
    expect(await isReady({ name: 'nothing' })).toBe(false);
    expect((await grpc.call('ModelMetadata', { name: 'fashion' })).message).toMatchObject({
      versions: ['3'],
      inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 784] }],
    });
    expect((await grpc.call('ModelConfig', { name: 'fashion' })).message).toMatchObject({
      config: { backend: 'onnxruntime', input: [{ name: 'input', data_type: 'TYPE_FP32', dims: [784] }] },
    });
    const control = await grpc.call('RepositoryModelUnload', { model_name: 'fashion' });
    expect([control.status, control.trailers.get('sluice-code')]).toEqual([
      'PERMISSION_DENIED',
      ['forbidden'],
    ]);
  });

  it('infers the bytes that HTTP answers, from raw and from typed contents', async () => {
    const { scoring, grpc, digest } = await startFashion();
    const overHttp = await scoring.post('/v2/models/fashion/infer', {
      inputs: [{ ...input, data: [...pixels] }],
    });
    const expected = (overHttp.json as { outputs: { data: number[] }[] }).outputs[0]?.data ?? [];
    const typed = {
      ...request,
      inputs: [{ ...input, contents: { fp32_contents: [...pixels] } }],
      raw_input_contents: [],
    };
    for (const form of [request, typed]) {
      const { message, metadata } = await grpc.call('ModelInfer', { ...form, id: 'a7', model_version: '3' });
      const answer = inferOf(message);
      expect([answer.model_name, answer.model_version, answer.id]).toEqual(['fashion', '3', 'a7']);
      expect(answer.outputs).toMatchObject([{ name: 'logits', datatype: 'FP32', shape: [1, 10] }]);
      const [logits] = answer.raw_output_contents.map(
        (bytes) => new Float32Array(new Uint8Array(bytes).buffer),
      );
      expect([...(logits ?? [])]).toEqual([...Float32Array.from(expected)]);
      expect(metadata.get('x-sluice-image')).toEqual([digest]);
      expect(metadata.get('x-sluice-route')).toEqual(['cpu']);
    }
    const outputs = [{ name: 'logits', parameters: { classification: { int64_param: 2 } } }];
    const top = inferOf((await grpc.call('ModelInfer', { ...request, outputs })).message);
    expect(top.outputs).toMatchObject([{ datatype: 'BYTES', shape: [1, 2] }]);
    const { message } = await grpc.call('ModelStatistics', { name: 'fashion' });
    expect(message).toMatchObject({ model_stats: [{ name: 'fashion', inference_count: 4 }] });
  });

  it('carries every datatype unchanged', async () => {
    const scoring = await startScoring();
    await scoring.deploy('identity', {
      model: identityModel([
        ...(['BOOL', 'INT8', 'UINT16', 'INT32', 'INT64', 'UINT64'] as const),
        ...(['FP16', 'BF16', 'FP64', 'BYTES'] as const),
      ]),
    });
    const grpc = await startGrpc(scoring);
    const texts = writeByteElements(['', 'naïve', 'b']);
    const values: [string, Uint8Array][] = [
      ['BOOL', Uint8Array.of(1, 0, 1)],
      ['INT8', Uint8Array.of(0x80, 0, 0x7f)],
      ['UINT16', new Uint8Array(Uint16Array.of(65_535, 0, 1).buffer)],
      ['INT32', new Uint8Array(Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1).buffer)],
      ['INT64', new Uint8Array(BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 63n - 1n).buffer)],
      ['UINT64', new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 0n, 2n ** 53n + 1n).buffer)],
      ['FP16', new Uint8Array(Uint16Array.of(0x3c00, 0x7c00, 0x8000).buffer)],
      // A NaN with other bits than ours among them.
      ['BF16', new Uint8Array(Uint16Array.of(0x3f80, 0xff81, 0x8000).buffer)],
      ['FP64', new Uint8Array(Float64Array.of(-0, Number.NaN, 1e-310).buffer)],
      ['BYTES', texts],
    ];
    const name = (datatype: string): string => `in_${datatype.toLowerCase()}`;
    const inputs = values.map(([datatype]) => ({ name: name(datatype), datatype, shape: [1, 3] }));
    const message = { model_name: 'identity', inputs, raw_input_contents: values.map(([, bytes]) => bytes) };
    const answer = inferOf((await grpc.call('ModelInfer', message)).message);
    expect(answer.raw_output_contents.map((bytes) => [...bytes])).toEqual(
      values.map(([, bytes]) => [...bytes]),
    );
    const mixed = await grpc.call('ModelInfer', { ...message, raw_input_contents: [texts] });
    expect([mixed.status, mixed.trailers.get('sluice-code')]).toEqual([
      'INVALID_ARGUMENT',
      ['invalid_request'],
    ]);
  });

  it('refuses bad requests by code, and goes on answering', async () => {
    const { grpc } = await startFashion();
    const cases: [string, object, object?][] = [
      ['tensor_name', { model_name: 'fashion' }],
      ['unknown_model', { ...request, model_name: `${'x'.repeat(799)}😀${'y'.repeat(5_000)}` }],
      ['unknown_model', { ...request, model_version: '4' }],
      ['tensor_data', { ...request, raw_input_contents: [raw.subarray(1)] }],
      ['tensor_data', { ...request, raw_input_contents: [] }],
      ['tensor_data', { ...request, inputs: [{ ...input, contents: { fp32_contents: [1] } }] }],
      ['tensor_datatype', { ...request, inputs: [{ ...input, datatype: '😀'.repeat(50) }] }],
      ['tensor_shape', { ...request, inputs: [{ ...input, shape: [-1, 784] }] }],
      ['invalid_request', { ...request, raw_input_contents: [raw, raw] }],
      ['invalid_request', { ...request, parameters: { priority: { int64_param: 11 } } }],
      ['invalid_request', request, { metadata: { 'x-sluice-route': 'gpu' } }],
      ['route_unavailable', request, { metadata: { 'x-sluice-route': 'fpga' } }],
      ['limit_exceeded', { ...request, inputs: [{ ...input, shape: new Array(17).fill(1) }] }],
      ['limit_exceeded', { ...request, outputs: new Array(1_025).fill({}) }],
      ['invalid_request', {}, { bytes: Uint8Array.of(0x0a, 0xff, 0xff) }],
      ['unknown_model', {}, { bytes: new Uint8Array() }],
    ];
    for (const [code, message, options] of cases) {
      const { status, trailers } = await grpc.call('ModelInfer', message, options);
      expect([trailers.get('sluice-code'), status]).toEqual([
        [code],
        code === 'unknown_model' ? 'NOT_FOUND' : 'INVALID_ARGUMENT',
      ]);
    }
    const damaged = await grpc.call('ModelReady', {}, { bytes: Uint8Array.of(0x0a, 0x7f) });
    expect(damaged.trailers.get('sluice-code')).toEqual(['invalid_request']);
    const long = await grpc.call('ModelReady', { name: 'x'.repeat(limits.grpcControlBytesMax) });
    expect([long.status, long.trailers.get('sluice-code')]).toEqual([
      'RESOURCE_EXHAUSTED',
      ['body_too_large'],
    ]);
    const large = { ...request, raw_input_contents: [Buffer.alloc(limits.scoringBodyBytesMax)] };
    expect((await grpc.call('ModelInfer', large)).status).toBe('RESOURCE_EXHAUSTED');
    expect((await grpc.call('ModelInfer', request)).status).toBe('OK');
  });

  it('keeps deadlines, priorities and queues, and drops what was cancelled', async () => {
    const { scoring, grpc } = await startBusy(2);
    const short = await grpc.call('ModelInfer', busy(1_100), { deadlineMs: 30 });
    expect(['DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED']).toContain(short.status);
    const unmet = await grpc.call('ModelInfer', { ...busy(1), parameters: { timeout: { uint64_param: 1 } } });
    expect(['deadline_unmet', 'deadline_passed']).toContain(unmet.trailers.get('sluice-code')[0]);
    const late = await grpc.call('ModelInfer', busy(1), { metadata: { 'x-request-timeout-ms': '0.001' } });
    expect(['deadline_unmet', 'deadline_passed']).toContain(late.trailers.get('sluice-code')[0]);

    const burst = await Promise.all(Array.from({ length: 8 }, () => grpc.call('ModelInfer', busy(900))));
    const refused = burst.filter(({ status }) => status === 'RESOURCE_EXHAUSTED');
    expect(refused.length).toBeGreaterThanOrEqual(4);
    for (const { trailers } of refused) {
      expect(trailers.get('sluice-code')).toEqual(['queue_full']);
      expect(Number(trailers.get('retry-after-ms')[0])).toBeGreaterThan(0);
    }

    const image = scoring.deployments.get('busy');
    const before = image?.statistics.fail.count ?? 0;
    const controllers = [1, 2].map(() => new AbortController());
    const left = controllers.map(({ signal }) => grpc.call('ModelInfer', busy(900), { signal }));
    await taken(scoring, 2);
    for (const controller of controllers) controller.abort();
    for (const { status } of await Promise.all(left)) expect(status).toBe('CANCELLED');
    await expect.poll(() => (image?.statistics.fail.count ?? 0) - before, { timeout: 10_000 }).toBe(2);
    expect((await grpc.call('ModelInfer', busy(1))).status).toBe('OK');
  });

  it('answers a stream in order, more requests than may be under way, and lives on after an error', async () => {
    const { grpc, digest } = await startFashion({ limits: { grpcStreamDepthMax: 4 } });
    const { call, next } = grpc.stream();
    for (let index = 0; index < 40; index += 1) {
      const isBad = index % 10 === 5;
      call.write({ ...request, id: String(index), ...(isBad ? { raw_input_contents: [] } : {}) });
    }
    const answers = await next(40);
    for (const [index, answer] of answers.entries()) {
      const inferred = answer.infer_response as InferAnswer;
      expect(inferred.id).toBe(String(index));
      if (index % 10 === 5) {
        expect(answer.error_message).toContain('contents');
        expect(inferred.outputs).toEqual([]);
        continue;
      }
      expect(answer.error_message).toBe('');
      expect(inferred.raw_output_contents[0]?.length).toBe(40);
      expect(inferred.parameters.triton_final_response?.bool_param).toBe(true);
      expect(inferred.parameters['x-sluice-image']?.string_param).toBe(digest);
    }
    call.write(Buffer.of(0x0a, 0xff));
    expect((await next(1))[0]?.error_message).toContain('ModelInferRequest');
    call.write(request);
    call.end();
    const ended = new Promise((resolve) => call.on('status', resolve));
    expect((await next(1))[0]?.error_message).toBe('');
    expect(await ended).toMatchObject({ code: 0 });
    const cancelled = grpc.stream();
    cancelled.call.write(request);
    await cancelled.next(1);
    const left = new Promise((resolve) => cancelled.call.on('status', resolve));
    cancelled.call.cancel();
    expect(await left).toMatchObject({ code: 1 });
    expect((await grpc.call('ModelInfer', request)).status).toBe('OK');
  });

  it('takes compressed messages up to the same limit', async () => {
    const { grpc } = await startFashion();
    const frame = (bytes: Uint8Array): Buffer => {
      const whole = Buffer.concat([Buffer.of(1, 0, 0, 0, 0), bytes]);
      whole.writeUInt32BE(bytes.length, 1);
      return whole;
    };
    const plain = encode('inference.ModelInferRequest', request);
    expect(await postRaw(grpc.port, frame(gzipSync(plain)))).toBe('0');
    expect(await postRaw(grpc.port, frame(gzipSync(Buffer.alloc(limits.scoringBodyBytesMax + 1))))).toBe('8');
    expect(await postRaw(grpc.port, frame(plain))).not.toBe('0');
  });

  it('stops after its last call, and says which port is taken', async () => {
    const { scoring: busyScoring, grpc } = await startBusy(4);
    const running = grpc.call('ModelInfer', busy(900));
    await taken(busyScoring, 1);
    await grpc.server.stop();
    expect((await running).status).toBe('OK');
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const scoring = await startScoring();
    await expect(startGrpc(scoring, { port })).rejects.toMatchObject({ code: 'port_in_use' });
    other.close();
  });
});

/** A call with a message of any bytes that says it is compressed; gives the status. */
async function postRaw(port: number, body: Buffer): Promise<string> {
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ModelInfer',
    'content-type': 'application/grpc',
    'grpc-encoding': 'gzip',
    te: 'trailers',
  });
  const status = new Promise<string>((resolve) => {
    const read = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] !== undefined) resolve(String(headers['grpc-status']));
    };
    stream.on('response', read);
    stream.on('trailers', read);
  });
  stream.resume();
  stream.end(body);
  try {
    return await status;
  } finally {
    session.close();
  }
}
