import { createHash } from 'node:crypto';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { besiege, goodInput, inferPath, picture } from '../support/hostile.ts';
import { identityModel } from '../support/serving-models.ts';

const zeros = Array(783).fill(0).join(',');
const inferText = (fields: string): string =>
  `{"inputs":[{"name":"input","datatype":"FP32","shape":[1,784],${fields}}]}`;
const withInput = (changes: object): object => ({ inputs: [{ ...goodInput, ...changes }] });
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const objects = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const many = <Value>(count: number, value: Value): Value[] => Array(count).fill(value);

interface Case {
  what: string;
  body: unknown;
  code: string | undefined;
  status?: number;
}

const structure: Case[] = [
  { what: '100 arrays deep', body: inferText(`"data":${nested(100)}`), code: 'tensor_data' },
  { what: '100 objects deep', body: objects(100), code: 'invalid_request' },
  { what: '100,000 objects deep', body: objects(100_000), code: 'invalid_request' },
  {
    what: 'parameters 100,000 deep',
    body: `{"parameters":${objects(100_000)},"inputs":[]}`,
    code: 'invalid_request',
  },
  {
    what: 'a deep sequence_id',
    body: `{"parameters":{"sequence_id":${nested(9e4)}},"inputs":[${JSON.stringify(goodInput)}]}`,
    code: 'invalid_request',
  },
  { what: '10,000 inputs', body: { inputs: many(10_000, goodInput.name) }, code: 'limit_exceeded' },
  {
    what: '10,000 outputs',
    body: { inputs: [goodInput], outputs: many(10_000, { name: 'logits' }) },
    code: 'limit_exceeded',
  },
  { what: 'two million inputs', body: { inputs: many(2e6, 0) }, code: 'limit_exceeded' },
  { what: 'two million dimensions', body: withInput({ shape: many(2e6, 'x') }), code: 'limit_exceeded' },
  {
    what: 'two million parameters in a list',
    body: { parameters: many(2e6, 0), inputs: [goodInput] },
    code: 'limit_exceeded',
  },
  {
    what: '300 parameters',
    body: {
      parameters: Object.fromEntries(many(300, 0).map((_, index) => [`p${index}`, 1])),
      inputs: [goodInput],
    },
    code: 'limit_exceeded',
  },
  { what: 'a huge id', body: { id: 'i'.repeat(1e6), inputs: [goodInput] }, code: 'limit_exceeded' },
  { what: 'an id that is none', body: { id: 7, inputs: [goodInput] }, code: 'invalid_request' },
  {
    what: 'outputs twice',
    body: { inputs: [goodInput], outputs: [{ name: 'logits' }, { name: 'logits' }] },
    code: 'tensor_name',
  },
  { what: 'inputs that are no list', body: { inputs: { length: 1, 0: goodInput } }, code: 'invalid_request' },
  { what: 'null', body: 'null', code: 'invalid_request' },
  { what: 'a number', body: '1', code: 'invalid_request' },
  {
    what: 'a NUL behind the JSON',
    body: `${JSON.stringify({ inputs: [goodInput] })}\0`,
    code: 'invalid_json',
  },
  {
    what: 'a mark of the byte order',
    body: `\ufeff${JSON.stringify({ inputs: [goodInput] })}`,
    code: 'invalid_json',
  },
  {
    what: 'UTF-16',
    body: Buffer.from(JSON.stringify({ inputs: [goodInput] }), 'utf16le'),
    code: 'invalid_json',
  },
  {
    what: 'parameters of a prototype',
    body: `{"parameters":{"__proto__":{"timeout":1},"constructor":{"prototype":{"priority":99}}},"inputs":[${JSON.stringify(goodInput)}]}`,
    code: undefined,
  },
  {
    what: 'the prototype of the request',
    body: `{"__proto__":{"inputs":[${JSON.stringify(goodInput)}]}}`,
    code: 'invalid_request',
  },
];

const names: Case[] = [
  ...[
    'a:b',
    'a.b',
    '{"name":"input"}',
    '__proto__',
    'constructor',
    'toString',
    '',
    ' input',
    'input\0',
  ].flatMap((name) => [
    { what: `an input ${JSON.stringify(name)}`, body: withInput({ name }), code: 'tensor_name' },
    {
      what: `an output ${JSON.stringify(name)}`,
      body: { inputs: [goodInput], outputs: [{ name }] },
      code: 'tensor_name',
    },
  ]),
];

const numbers: Case[] = [
  ...[
    ['a product beyond 2^53', [2 ** 30, 2 ** 30]],
    ['a product beyond 2^32 that wraps to the right one', [2 ** 32 + 1, 784]],
    ['a dimension beyond 2^53', [1e300, 784]],
    ['all dimensions at the most', many(16, 2 ** 31 - 1)],
  ].map(([what, shape]) => ({
    what: what as string,
    body: withInput({ shape }),
    code: /tensor_(shape|data)/.source,
  })),
  {
    what: 'a dimension of 2^63',
    body: inferText('"data":[0]').replace('[1,', '[9223372036854775808,'),
    code: 'tensor_shape',
  },
  { what: 'no items', body: withInput({ shape: [0, 784], data: [] }), code: 'tensor_shape' },
  { what: 'a dimension of -1', body: withInput({ shape: [-1, 784] }), code: 'invalid_request' },
  { what: 'half a dimension', body: withInput({ shape: [0.5, 784] }), code: 'invalid_request' },
  { what: 'a dimension of text', body: withInput({ shape: ['1', 784] }), code: 'invalid_request' },
  {
    what: 'a dimension of 1e400',
    body: inferText('"data":[0]').replace('[1,', '[1e400,'),
    code: 'invalid_request',
  },
  { what: 'NaN as a word', body: inferText(`"data":[NaN,${zeros}]`), code: 'invalid_json' },
  { what: 'Infinity as a word', body: inferText(`"data":[-Infinity,${zeros}]`), code: 'invalid_json' },
  { what: 'a float too large for FP32', body: inferText(`"data":[1e39,${zeros}]`), code: 'tensor_data' },
  { what: 'null among numbers', body: inferText(`"data":[null,${zeros}]`), code: 'tensor_data' },
  { what: 'true among numbers', body: inferText(`"data":[true,${zeros}]`), code: 'tensor_data' },
  { what: 'digits in quotes', body: inferText(`"data":["1",${zeros}]`), code: 'tensor_data' },
  { what: 'hexadecimals', body: inferText(`"data":[0x1,${zeros}]`), code: 'invalid_json' },
  { what: 'a leading zero', body: inferText(`"data":[01,${zeros}]`), code: 'invalid_json' },
  { what: 'a comma too many', body: inferText(`"data":[1,${zeros},]`), code: 'invalid_json' },
  { what: 'data that is an object', body: withInput({ data: { ...picture } }), code: 'tensor_data' },
  {
    what: 'data of another length in a row',
    body: withInput({ shape: [2, 784], data: [picture, picture.slice(1)] }),
    code: 'tensor_data',
  },
  ...[-1, 1.5, '1', true, null, 1e300, 2 ** 53].map((size) => ({
    what: `binary_data_size ${size}`,
    body: { inputs: [{ ...goodInput, data: undefined, parameters: { binary_data_size: size } }] },
    code: /invalid_request|tensor_data/.source,
  })),
  ...[-1, 1.5, '1', true, 1e300].map((timeout) => ({
    what: `a timeout of ${timeout}`,
    body: { inputs: [goodInput], parameters: { timeout } },
    code: 'invalid_request',
  })),
  {
    what: 'binary_data of a number',
    body: { inputs: [goodInput], outputs: [{ name: 'logits', parameters: { binary_data: 1 } }] },
    code: 'invalid_request',
  },
  {
    what: 'classification beyond measure',
    body: { inputs: [goodInput], outputs: [{ name: 'logits', parameters: { classification: 1e9 } }] },
    code: 'invalid_request',
  },
];

describe('hostile infer bodies', () => {
  it('get a short error by its code, and the next answer is right', async () => {
    const server = await besiege();
    for (const { what, body, code } of [...structure, ...names, ...numbers]) {
      const answer = await server.post(inferPath, body);
      const seen = { what, status: answer.status, code: answer.code ?? '' };
      const expected = code === undefined ? '' : expect.stringMatching(`^(${code})$`);
      expect.soft(seen).toEqual({ what, status: code === undefined ? 200 : 400, code: expected });
      if (code !== undefined) expect.soft(answer.text.length, what).toBeLessThan(2_000);
      await server.stillAnswers();
    }
    expect(({} as Record<string, unknown>).timeout).toBeUndefined();
  });

  it('with a key twice count as JSON.parse reads them: the last one', async () => {
    const server = await besiege();
    const data = JSON.stringify(picture);
    const twice = await server.post(inferPath, inferText(`"data":[${many(784, 9)}],"data":${data}`));
    const once = await server.post(inferPath, inferText(`"data":${data}`));
    expect([twice.status, twice.text]).toEqual([200, once.text]);
    const short = await server.post(inferPath, inferText(`"data":${data},"data":[1,2]`));
    expect([short.status, short.code]).toEqual([400, 'tensor_data']);
    const list = await server.post(inferPath, `{"inputs":[1],"inputs":[${JSON.stringify(goodInput)}]}`);
    expect(list.status).toBe(200);
    await server.stillAnswers();
  });
});

describe('hostile binary bodies', () => {
  const bytes = Buffer.from(new Float32Array(picture).buffer);
  const json = (name: string): string =>
    JSON.stringify({
      id: name,
      inputs: [{ ...goodInput, data: undefined, parameters: { binary_data_size: bytes.length } }],
    });
  const whole = Buffer.concat([Buffer.from(json('é')), bytes]);
  const jsonBytes = whole.length - bytes.length;

  const lengths = ['-0', '+5', '0x10', '1e2', ' ', '', '5.0', '99999999999', '9'.repeat(400), 'NaN'];
  // Of the JSON without its last byte, with the first of the tensor, and inside the character of two bytes.
  const shifted = [jsonBytes - 1, jsonBytes + 1, json('').indexOf('"inputs"') - 2].map(String);

  it('with a header length that is none, or another, are refused', async () => {
    const server = await besiege();
    for (const header of [...lengths, ...shifted]) {
      const headers = { 'inference-header-content-length': header };
      const answer = await server.post(inferPath, whole, { headers });
      const code = expect.stringMatching(/^invalid_(request|json)$/);
      expect
        .soft({ header, status: answer.status, code: answer.code })
        .toEqual({ header, status: 400, code });
      await server.stillAnswers();
    }
  });

  it('carry NaN and infinities as they are', async () => {
    const server = await besiege();
    await server.deploy('identity', { model: identityModel(['FP32', 'BOOL', 'BYTES']) });
    const floats = Buffer.from(new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, -0]).buffer);
    const ask = (parts: { flags?: number[]; texts?: Buffer }) => {
      const { flags = [0, 1, 0], texts = Buffer.alloc(12) } = parts;
      const tensors = [floats, Buffer.from(flags), texts];
      const head = JSON.stringify({
        inputs: ['fp32', 'bool', 'bytes'].map((type, index) => ({
          name: `in_${type}`,
          shape: [1, 3],
          datatype: type.toUpperCase(),
          parameters: { binary_data_size: tensors[index]?.length },
        })),
      });
      const headers = { 'inference-header-content-length': `${head.length}` };
      return server.post('/v2/models/identity/infer', Buffer.concat([Buffer.from(head), ...tensors]), {
        headers,
      });
    };
    const good = await ask({});
    expect([good.status, (good.json as { outputs: { data: unknown }[] }).outputs[0]?.data]).toEqual([
      200,
      ['NaN', 'Infinity', -0],
    ]);
    const length = (...values: number[]): Buffer => Buffer.from(new Uint32Array(values).buffer);
    for (const texts of [
      length(0, 0, 1),
      length(0, 0xffffffff, 0),
      length(0xffffffff, 0xffffffff, 0xffffffff),
      length(0, 0, 0, 0),
      length(0, 0),
      length(8, 0, 0),
    ]) {
      const answer = await ask({ texts });
      expect
        .soft([texts.toString('hex'), answer.status, answer.code])
        .toEqual([texts.toString('hex'), 400, 'tensor_data']);
    }
    // Elements are any bytes.
    for (const element of [
      [0xc3, 0x28],
      [0, 0],
    ]) {
      const texts = Buffer.concat([length(0, 0, 2), Buffer.from(element)]);
      expect([element, (await ask({ texts })).status]).toEqual([element, 200]);
    }
    for (const flags of [
      [0, 1, 2],
      [255, 0, 0],
    ]) {
      expect([(await ask({ flags })).code]).toEqual(['tensor_data']);
    }
    await server.stillAnswers();
  });
});

describe('hostile compression', () => {
  const good = Buffer.from(JSON.stringify({ inputs: [goodInput] }));
  const zipped = gzipSync(good);
  const bomb = gzipSync(gzipSync(Buffer.alloc(60 * 1024 * 1024)));
  const wrongSum = Buffer.from(zipped);
  wrongSum.writeUInt32LE(0, zipped.length - 8);
  const noise = createHash('sha512').update('noise').digest();
  const cases: [string, string, Buffer, number, string | undefined][] = [
    ['a gzip within a gzip', 'gzip', bomb, 400, 'invalid_json'],
    ['a cut gzip', 'gzip', zipped.subarray(0, -9), 415, 'content_encoding'],
    ['a gzip without its end', 'gzip', zipped.subarray(0, -4), 415, 'content_encoding'],
    ['a gzip of another sum', 'gzip', wrongSum, 415, 'content_encoding'],
    ['a gzip with a head alone', 'gzip', zipped.subarray(0, 10), 415, 'content_encoding'],
    ['nothing', 'gzip', Buffer.alloc(0), 415, 'content_encoding'],
    ['noise', 'gzip', noise, 415, 'content_encoding'],
    ['a gzip and another one', 'gzip', Buffer.concat([zipped, gzipSync(' ')]), 200, undefined],
    ['deflate without its frame', 'deflate', deflateRawSync(good), 415, 'content_encoding'],
    ['deflate said to be gzip', 'gzip', deflateSync(good), 415, 'content_encoding'],
    ['two codings', 'gzip, gzip', gzipSync(zipped), 415, 'content_encoding'],
    ['a coding of nobody', 'zstd', zipped, 415, 'content_encoding'],
    ['capitals', 'GZIP', zipped, 200, undefined],
    ['a deflate bomb', 'deflate', deflateSync(Buffer.alloc(65 * 1024 * 1024)), 413, 'body_too_large'],
  ];

  it('is refused by its code, and the next answer is right', async () => {
    const server = await besiege();
    for (const [what, coding, body, status, code] of cases) {
      const answer = await server.post(inferPath, body, { headers: { 'content-encoding': coding } });
      expect.soft([what, answer.status, answer.code]).toEqual([what, status, code]);
      await server.stillAnswers();
    }
    const trailing = Buffer.concat([zipped, noise]);
    const answer = await server.post(inferPath, trailing, { headers: { 'content-encoding': 'gzip' } });
    expect([200, 415]).toContain(answer.status);
    await server.stillAnswers();
  });
});
