import { describe, expect, it } from 'vitest';
import { readInferMessage } from '../../../../../agent/scoring/grpc/infer-message.ts';
import { SluiceError } from '../../../../../contract/errors.ts';
import { limits } from '../../../../../contract/limits.ts';
import { encode } from '../../../../support/local-grpc.ts';
import { seededRandom } from '../../../../support/random.ts';

const parameters = {
  a: { bool_param: true },
  b: { int64_param: -5 },
  c: { string_param: 'naïve' },
  d: { double_param: 0.5 },
  e: { uint64_param: '18446744073709551615' },
  f: {},
};
const message = encode('inference.ModelInferRequest', {
  model_name: 'm',
  model_version: '2',
  id: 'i',
  parameters,
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [1, 0, -1], parameters, contents: { fp32_contents: [1] } },
    { name: 'y', datatype: 'INT8', shape: ['9223372036854775807'] },
  ],
  outputs: [{ name: 'z', parameters: { classification: { int64_param: 3 } } }],
  raw_input_contents: [Buffer.from('abc'), Buffer.alloc(0)],
});

function codeOf(bytes: Uint8Array): string | undefined {
  try {
    readInferMessage(bytes);
  } catch (thrown) {
    return thrown instanceof SluiceError ? thrown.code : String(thrown);
  }
  return undefined;
}

describe('a ModelInferRequest', () => {
  it('is read as an independent encoder writes it', () => {
    const read = readInferMessage(message);
    const values = { a: true, b: -5, c: 'naïve', d: 0.5, e: '18446744073709551615' };
    expect(read).toMatchObject({ modelName: 'm', modelVersion: '2', id: 'i' });
    expect(read.request).toMatchObject({
      id: 'i',
      parameters: values,
      inputs: [
        { name: 'x', datatype: 'FP32', shape: [1, 0, -1], parameters: values },
        { name: 'y', datatype: 'INT8', shape: [2 ** 63] },
      ],
      outputs: [{ name: 'z', parameters: { classification: 3 } }],
    });
    expect(Object.keys(read.request.parameters ?? {})).not.toContain('f');
    expect(read.contents.map((parts) => parts.length)).toEqual([1, 0]);
    expect(read.raw.map((bytes) => Buffer.from(bytes).toString())).toEqual(['abc', '']);
    // Views of the message: nothing is copied.
    expect(read.raw[0]?.buffer).toBe(message.buffer);
  });

  it('may be empty', () => {
    expect(readInferMessage(new Uint8Array())).toMatchObject({
      modelName: '',
      request: { inputs: [] },
      raw: [],
    });
  });

  it.each([
    ['inputs', 0x2a, limits.inferTensorsMax],
    ['outputs', 0x32, limits.inferTensorsMax],
    ['raw contents', 0x3a, limits.inferTensorsMax],
    ['parameters', 0x22, limits.inferParametersMax],
  ])('has a limit of %s', (_what, tag, most) => {
    const many = (count: number): Uint8Array =>
      Buffer.concat(Array.from({ length: count }, () => Buffer.of(tag, 0)));
    expect(codeOf(many(most))).toBeUndefined();
    expect(codeOf(many(most + 1))).toBe('limit_exceeded');
    // However many come, reading ends at the limit.
    expect(codeOf(Buffer.alloc(32 * 1024 * 1024, Buffer.of(tag, 0)))).toBe('limit_exceeded');
  });

  it('that is damaged is refused, wherever', () => {
    const random = seededRandom(11);
    let refused = 0;
    for (let round = 0; round < 2_000; round += 1) {
      const damaged = Uint8Array.from(message);
      damaged[random() % damaged.length] = random() % 256;
      const code = codeOf(damaged.subarray(0, 1 + (random() % damaged.length)));
      if (code === undefined) continue;
      expect(['invalid_request', 'limit_exceeded']).toContain(code);
      refused += 1;
    }
    expect(refused).toBeGreaterThan(1_000);
  });
});
