import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readByteElements, writeByteElements } from '../../contract/byte-elements.ts';
import type { Datatype } from '../../contract/tensors.ts';
import { fashionSet, floatInput } from '../support/golden-sets.ts';
import { type LocalScoring, startScoring } from '../support/local-scoring.ts';
import { identityModel } from '../support/serving-models.ts';

const floats = floatInput(fashionSet(), 0);
const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
const path = '/v2/models/fashion/infer';

interface Answer {
  status: number;
  code: string | undefined;
  headers: Headers;
  json: {
    outputs: { name: string; shape: number[]; datatype: string; data?: unknown[]; parameters?: object }[];
  };
  binary: Uint8Array;
}

/** Sends JSON with tensors behind it; `header` in place of its length. */
async function send(
  scoring: LocalScoring,
  json: unknown,
  options: { tensors?: Uint8Array[]; header?: string; headers?: Record<string, string>; to?: string } = {},
): Promise<Answer> {
  const { tensors = [], headers = {}, to = path } = options;
  const text = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  const length = options.header ?? String(text.length);
  const response = await fetch(scoring.url + to, {
    method: 'POST',
    body: Buffer.concat([text, ...tensors]),
    headers: { 'inference-header-content-length': length, ...headers },
  });
  const body = new Uint8Array(await response.arrayBuffer());
  const jsonBytes = Number(response.headers.get('inference-header-content-length') ?? body.length);
  const parsed = JSON.parse(Buffer.from(body.subarray(0, jsonBytes)).toString('utf8'));
  const { status } = response;
  return {
    status,
    code: parsed.code,
    headers: response.headers,
    json: parsed,
    binary: body.subarray(jsonBytes),
  };
}

function binaryInput(data: Uint8Array, extra: object = {}) {
  return {
    name: 'input',
    shape: [1, 784],
    datatype: 'FP32',
    parameters: { binary_data_size: data.length },
    ...extra,
  };
}

describe('binary tensors', () => {
  it('go in and out with the bytes of the JSON form, on either route', async () => {
    const scoring = await startScoring({ npu: 'ci' });
    await scoring.deploy('fashion', { accelerate: 'ci' });
    const inputs = [{ name: 'input', shape: [1, 784], datatype: 'FP32', data: [...floats] }];
    const expected = await scoring.post(path, { inputs });
    const data = (expected.json as Answer['json']).outputs[0]?.data as number[];
    const logits = data.map(Math.fround);
    for (const route of ['cpu', 'fpga-sim']) {
      // A JSON of any length: the tensor stands at any address.
      for (const id of ['', 'a', 'ab', 'abc']) {
        const answer = await send(
          scoring,
          { id, inputs: [binaryInput(bytes)], parameters: { binary_data_output: true } },
          { tensors: [bytes], headers: { 'x-sluice-route': route } },
        );
        expect([answer.status, answer.headers.get('x-sluice-route')]).toEqual([200, route]);
        expect(answer.headers.get('content-type')).toBe('application/octet-stream');
        expect(answer.json.outputs).toEqual([
          { name: 'logits', shape: [1, 10], datatype: 'FP32', parameters: { binary_data_size: 40 } },
        ]);
        expect([...new Float32Array(new Uint8Array(answer.binary).buffer)]).toEqual(logits);
      }
      const json = await send(scoring, { inputs: [binaryInput(bytes)] }, { tensors: [bytes] });
      expect(json.headers.get('content-type')).toMatch(/^application\/json/);
      expect(json.json.outputs[0]?.data).toEqual(data);
    }
  });

  it('mix with JSON in one request and one answer, every datatype', async () => {
    const scoring = await startScoring();
    const rows: [Datatype, Uint8Array, unknown[]][] = [
      ['BOOL', Uint8Array.of(1, 0, 1), [true, false, true]],
      ['INT16', new Uint8Array(Int16Array.of(-5, 6, 7).buffer), [-5, 6, 7]],
      ['UINT64', new Uint8Array(BigUint64Array.of(1n, 2n, 2n ** 63n).buffer), [1, 2, '9223372036854775808']],
      ['FP16', new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x7e00).buffer), [1, -2, 'NaN']],
      ['BF16', new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x7fc0).buffer), [1, -2, 'NaN']],
      ['FP64', new Uint8Array(Float64Array.of(0.1, -0.5, 1e300).buffer), [0.1, -0.5, 1e300]],
      ['BYTES', writeByteElements(['', 'ä', 'longer text']), ['', 'ä', 'longer text']],
    ];
    await scoring.deploy('identity', { model: identityModel(rows.map(([datatype]) => datatype)) });
    const name = (prefix: string, datatype: string): string => `${prefix}_${datatype.toLowerCase()}`;
    const answer = await send(
      scoring,
      {
        inputs: rows.map(([datatype, data, values], index) => ({
          name: name('in', datatype),
          shape: [1, 3],
          datatype,
          ...(index % 2 === 0 ? { data: values } : { parameters: { binary_data_size: data.length } }),
        })),
        outputs: rows.map(([datatype], index) => ({
          name: name('out', datatype),
          parameters: { binary_data: index % 3 === 0 },
        })),
      },
      {
        to: '/v2/models/identity/infer',
        tensors: rows.filter((_, index) => index % 2 === 1).map(([, data]) => data),
      },
    );
    expect(answer.status).toBe(200);
    let offset = 0;
    for (const [index, [, data, values]] of rows.entries()) {
      const output = answer.json.outputs[index];
      if (index % 3 === 0) {
        expect(output?.parameters).toEqual({ binary_data_size: data.length });
        expect(new Uint8Array(answer.binary.subarray(offset, offset + data.length))).toEqual(data);
        offset += data.length;
      } else {
        expect(output?.data).toEqual(values);
      }
    }
    expect(answer.binary.length).toBe(offset);
  });

  it('are one raw body for a model with one input, whose batch follows from the length', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const one = await send(scoring, '', { tensors: [bytes], header: '0' });
    expect([one.status, one.json.outputs[0]?.shape, one.binary.length]).toEqual([200, [1, 10], 40]);
    const two = await send(scoring, '', { tensors: [bytes, bytes], header: '0' });
    expect(two.json.outputs[0]?.shape).toEqual([2, 10]);
    expect(Buffer.from(two.binary.subarray(40))).toEqual(Buffer.from(one.binary));
    const short = await send(scoring, '', { tensors: [bytes.subarray(4)], header: '0' });
    expect([short.status, short.code]).toEqual([400, 'tensor_data']);
    await scoring.deploy('several', { model: identityModel(['FP32', 'INT8']) });
    const several = await send(scoring, '', {
      tensors: [bytes],
      header: '0',
      to: '/v2/models/several/infer',
    });
    expect([several.status, several.code]).toEqual([400, 'invalid_request']);
  });

  it('come compressed, and so does the answer to who asks for one coding', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const json = Buffer.from(
      JSON.stringify({ inputs: [binaryInput(bytes)], parameters: { binary_data_output: true } }),
    );
    const whole = Buffer.concat([json, bytes]);
    const plain = await fetch(scoring.url + path, {
      method: 'POST',
      body: whole,
      headers: { 'inference-header-content-length': String(json.length) },
    });
    const expected = Buffer.from(await plain.arrayBuffer());
    for (const [coding, compress] of [
      ['gzip', gzipSync],
      ['deflate', deflateSync],
    ] as const) {
      const response = await fetch(scoring.url + path, {
        method: 'POST',
        body: compress(whole),
        // The length of the JSON as it is when decompressed.
        headers: {
          'inference-header-content-length': String(json.length),
          'content-encoding': coding,
          'accept-encoding': coding,
        },
      });
      expect(response.headers.get('content-encoding')).toBe(coding);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(expected);
    }
    const listed = await fetch(scoring.url + path, {
      method: 'POST',
      body: whole,
      headers: { 'inference-header-content-length': String(json.length), 'accept-encoding': 'gzip, deflate' },
    });
    expect(listed.headers.get('content-encoding')).toBeNull();
  });

  it('take little memory however much they were compressed', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    // What is no JSON is seen at its beginning: it is the memory that is looked at, not the parser.
    const body = gzipSync(Buffer.concat([Buffer.from('{x'), Buffer.alloc(48 * 1024 * 1024, 32)]));
    const before = process.memoryUsage().rss;
    const ask = (): Promise<Response> =>
      fetch(scoring.url + path, { method: 'POST', body, headers: { 'content-encoding': 'gzip' } });
    const answers = await Promise.all(Array.from({ length: 16 }, ask));
    expect(answers.map(({ status }) => status)).toEqual(Array(16).fill(400));
    // All at once they would be that much, twice.
    expect(process.memoryUsage().rss - before).toBeLessThan(768 * 1024 ** 2);
    // Clients that leave while they wait or are decompressed take nothing along.
    const leaving = Array.from({ length: 8 }, (_, index) => {
      const signal = AbortSignal.timeout(20 + 30 * index);
      return fetch(scoring.url + path, {
        method: 'POST',
        body,
        headers: { 'content-encoding': 'gzip' },
        signal,
      });
    });
    await Promise.allSettled(leaving);
    const after = await Promise.all([ask(), ask()]);
    expect(after.map(({ status }) => status)).toEqual([400, 400]);
  });

  it('are refused where their lengths are wrong, and the server goes on', async () => {
    const scoring = await startScoring();
    await scoring.deploy('fashion');
    const request = { inputs: [binaryInput(bytes)] };
    const cases: [string, string, Parameters<typeof send>[1], Parameters<typeof send>[2]][] = [
      ['invalid_request', 'a header beyond the body', request, { tensors: [bytes], header: '99999999999' }],
      ['invalid_request', 'a negative header', request, { tensors: [bytes], header: '-1' }],
      ['invalid_request', 'a header of text', request, { tensors: [bytes], header: 'all' }],
      ['invalid_json', 'a header into the JSON', request, { tensors: [bytes], header: '20' }],
      ['tensor_data', 'too few bytes', request, { tensors: [bytes.subarray(8)] }],
      ['invalid_request', 'bytes left over', request, { tensors: [bytes, Uint8Array.of(0)] }],
      [
        'tensor_data',
        'a size of another shape',
        { inputs: [binaryInput(bytes.subarray(4))] },
        { tensors: [bytes.subarray(4)] },
      ],
      [
        'tensor_data',
        'data twice',
        { inputs: [binaryInput(bytes, { data: [...floats] })] },
        { tensors: [bytes] },
      ],
      [
        'invalid_request',
        'a size below 0',
        { inputs: [{ ...binaryInput(bytes), parameters: { binary_data_size: -4 } }] },
        { tensors: [bytes] },
      ],
      [
        'invalid_request',
        'a size of text',
        { inputs: [{ ...binaryInput(bytes), parameters: { binary_data_size: '3136' } }] },
        { tensors: [bytes] },
      ],
      [
        'invalid_request',
        'shared memory',
        { inputs: [{ ...binaryInput(bytes), parameters: { shared_memory_region: 'a' } }] },
        { tensors: [] },
      ],
      [
        'tensor_data',
        'a shape beyond everything',
        { inputs: [{ ...binaryInput(bytes), shape: [2 ** 50, 784] }] },
        { tensors: [bytes] },
      ],
      [
        'content_encoding',
        'an unknown coding',
        request,
        { tensors: [bytes], headers: { 'content-encoding': 'br' } },
      ],
      ['content_encoding', 'no gzip', request, { tensors: [bytes], headers: { 'content-encoding': 'gzip' } }],
    ];
    for (const [code, what, json, options] of cases) {
      const answer = await send(scoring, json, options);
      expect([what, answer.code]).toEqual([what, code]);
      expect(answer.status).toBe(code === 'content_encoding' ? 415 : 400);
    }
    const bomb = gzipSync(new Uint8Array(65 * 1024 * 1024));
    const blown = await fetch(scoring.url + path, {
      method: 'POST',
      body: bomb,
      headers: { 'content-encoding': 'gzip' },
    });
    expect([blown.status, ((await blown.json()) as { code: string }).code]).toEqual([413, 'body_too_large']);
    expect((await send(scoring, request, { tensors: [bytes] })).status).toBe(200);
  });

  it('of BOOL and BYTES are checked element by element', async () => {
    const scoring = await startScoring();
    await scoring.deploy('identity', { model: identityModel(['BOOL', 'BYTES']) });
    const ask = (flags: Uint8Array, texts: Uint8Array): Promise<Answer> =>
      send(
        scoring,
        {
          inputs: [
            {
              name: 'in_bool',
              shape: [1, 3],
              datatype: 'BOOL',
              parameters: { binary_data_size: flags.length },
            },
            {
              name: 'in_bytes',
              shape: [1, 3],
              datatype: 'BYTES',
              parameters: { binary_data_size: texts.length },
            },
          ],
          outputs: [{ name: 'out_bytes', parameters: { binary_data: true } }],
        },
        { tensors: [flags, texts], to: '/v2/models/identity/infer' },
      );
    const flags = Uint8Array.of(0, 1, 1);
    const texts = writeByteElements(['a', '', 'b']);
    const fine = await ask(flags, texts);
    expect(readByteElements(fine.binary)).toEqual(['a', '', 'b']);
    expect((await ask(Uint8Array.of(0, 2, 1), texts)).code).toBe('tensor_data');
    expect((await ask(flags, texts.subarray(0, -1))).code).toBe('tensor_data');
    expect((await ask(flags, writeByteElements(['a', 'b']))).code).toBe('tensor_data');
    // Neither UTF-8 nor free of zeros, and nothing is lost.
    const bytes = Uint8Array.from([...writeByteElements(['a\u0000b', '']), 1, 0, 0, 0, 0xff]);
    expect((await ask(flags, bytes)).binary).toEqual(bytes);
    await scoring.deploy('flags', { model: identityModel(['BOOL']) });
    const raw = await send(scoring, '', {
      tensors: [Uint8Array.of(0, 2, 1)],
      header: '0',
      to: '/v2/models/flags/infer',
    });
    expect([raw.status, raw.code]).toEqual([400, 'tensor_data']);
  });
});
