import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { readTypedContents } from '../../../../../agent/scoring/grpc/typed-contents.ts';
import { readByteElements } from '../../../../../contract/byte-elements.ts';
import { SluiceError } from '../../../../../contract/errors.ts';
import type { Datatype } from '../../../../../contract/tensors.ts';
import { encode } from '../../../../support/local-grpc.ts';
import { seededRandom } from '../../../../support/random.ts';

function contents(message: object): Uint8Array {
  return encode('inference.InferTensorContents', message);
}

function read(datatype: Datatype, parts: readonly Uint8Array[], count = 3): Uint8Array {
  return readTypedContents(parts, { index: 0, datatype, shape: [count], where: 'input x' });
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (thrown) {
    return thrown instanceof SluiceError ? thrown.code : String(thrown);
  }
  return undefined;
}

const forms: [Datatype, object, ArrayBufferView][] = [
  ['BOOL', { bool_contents: [true, false, true] }, Uint8Array.of(1, 0, 1)],
  ['INT8', { int_contents: [-128, 0, 127] }, Int8Array.of(-128, 0, 127)],
  ['INT16', { int_contents: [-32_768, -1, 32_767] }, Int16Array.of(-32_768, -1, 32_767)],
  ['INT32', { int_contents: [-(2 ** 31), -1, 2 ** 31 - 1] }, Int32Array.of(-(2 ** 31), -1, 2 ** 31 - 1)],
  ['UINT8', { uint_contents: [0, 1, 255] }, Uint8Array.of(0, 1, 255)],
  ['UINT16', { uint_contents: [0, 1, 65_535] }, Uint16Array.of(0, 1, 65_535)],
  ['UINT32', { uint_contents: [0, 1, 2 ** 32 - 1] }, Uint32Array.of(0, 1, 2 ** 32 - 1)],
  [
    'INT64',
    { int64_contents: ['-9223372036854775808', 0, '9007199254740993'] },
    BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 53n + 1n),
  ],
  ['UINT64', { uint64_contents: [0, 1, '18446744073709551615'] }, BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
  ['FP32', { fp32_contents: [-0, Number.NaN, 1e-45] }, Float32Array.of(-0, Number.NaN, 1e-45)],
  ['FP64', { fp64_contents: [-0, Number.NaN, 5e-324] }, Float64Array.of(-0, Number.NaN, 5e-324)],
];

describe('typed contents', () => {
  it.each(forms)('of %s become the bytes of its elements', (datatype, message, elements) => {
    const expected = [...new Uint8Array(elements.buffer)];
    const data = read(datatype, [contents(message)]);
    expect([...data]).toEqual(expected);
    expect(data.byteOffset % 8).toBe(0);
    const wrong = datatype === 'FP32' ? 'BOOL' : 'FP32';
    expect(codeOf(() => read(wrong, [contents(message)]))).toBe('tensor_data');
    for (const count of [1, 2, 4, 2 ** 40]) {
      expect(codeOf(() => read(datatype, [contents(message)], count))).toBe('tensor_data');
    }
  });

  it('of BYTES become elements behind their lengths', () => {
    const message = contents({ bytes_contents: ['', 'naïve', 'x'].map((text) => Buffer.from(text)) });
    expect(readByteElements(read('BYTES', [message]))).toEqual(['', 'naïve', 'x']);
    expect(codeOf(() => read('BYTES', [message], 2))).toBe('tensor_data');
    expect(codeOf(() => read('INT8', [message]))).toBe('tensor_data');
  });

  it('may be written one by one, and in parts', () => {
    const loose = protobuf.Writer.create();
    for (const value of [0.5, -2]) loose.uint32((6 << 3) | 5).float(value);
    const packed = contents({ fp32_contents: [3] });
    const data = read('FP32', [loose.finish(), packed]);
    expect([...new Float32Array(data.buffer)]).toEqual([0.5, -2, 3]);
    const varints = protobuf.Writer.create();
    for (const value of [300, -1, 7]) varints.uint32(2 << 3).int32(value);
    expect([...new Int32Array(read('INT32', [varints.finish()]).buffer)]).toEqual([300, -1, 7]);
  });

  it('of small integers are in their range', () => {
    expect(codeOf(() => read('INT8', [contents({ int_contents: [1, 2, 128] })]))).toBe('tensor_data');
    expect(codeOf(() => read('UINT16', [contents({ uint_contents: [1, 65_536, 2] })]))).toBe('tensor_data');
  });

  it('are missing for FP16 and BF16, which have none', () => {
    for (const datatype of ['FP16', 'BF16'] as const) {
      expect(codeOf(() => read(datatype, [contents({ fp32_contents: [1, 2, 3] })]))).toBe('tensor_data');
    }
    expect(codeOf(() => read('FP32', []))).toBe('tensor_data');
  });

  it('that are damaged are refused, wherever', () => {
    const random = seededRandom(7);
    const whole = forms.map(([datatype, message]) => ({ datatype, bytes: contents(message) }));
    let refused = 0;
    for (let round = 0; round < 2_000; round += 1) {
      const { datatype, bytes } = whole[round % whole.length] as (typeof whole)[number];
      const damaged = Uint8Array.from(bytes);
      damaged[random() % damaged.length] = random() % 256;
      const code = codeOf(() => read(datatype, [damaged.subarray(0, 1 + (random() % damaged.length))]));
      if (code === undefined) continue;
      expect(code).toBe('tensor_data');
      refused += 1;
    }
    expect(refused).toBeGreaterThan(1_000);
  });
});
