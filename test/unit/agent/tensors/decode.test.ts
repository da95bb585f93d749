import { describe, expect, it } from 'vitest';
import { decodeElements } from '../../../../agent/tensors/decode.ts';
import { elementsOf } from '../../../../agent/tensors/element-arrays.ts';
import { encodeFlat, encodeNested, writeJson } from '../../../../agent/tensors/encode.ts';
import type { Datatype, Tensor } from '../../../../contract/tensors.ts';

function decode(datatype: Datatype, data: unknown, shape: number[] = [(data as unknown[]).length]) {
  return { name: 'x', datatype, shape, data: decodeElements({ datatype, shape, where: 'input x' }, data) };
}

function elements(datatype: Datatype, data: unknown, shape?: number[]): unknown[] {
  return Array.from(elementsOf(decode(datatype, data, shape)) as ArrayLike<unknown>);
}

async function flatText(tensor: Tensor): Promise<string> {
  return String(await writeJson([encodeFlat(tensor)]));
}

async function nestedText(tensor: Tensor): Promise<string> {
  return String(await writeJson([encodeNested(tensor)]));
}

const extremes: [Datatype, (number | string | boolean)[]][] = [
  ['BOOL', [true, false, true]],
  ['UINT8', [0, 1, 255]],
  ['UINT16', [0, 65_535]],
  ['UINT32', [0, 4_294_967_295]],
  ['UINT64', [0, 9_007_199_254_740_991, '9007199254740993', '18446744073709551615']],
  ['INT8', [-128, 0, 127]],
  ['INT16', [-32_768, 32_767]],
  ['INT32', [-2_147_483_648, 2_147_483_647]],
  ['INT64', [-9_007_199_254_740_991, '-9223372036854775808', '9223372036854775807']],
  ['FP16', [0, 1.5, -65_504, 2 ** -24, 'NaN', 'Infinity', '-Infinity']],
  ['BF16', [0, 1.5, -255 * 2 ** 120, 2 ** -133, 'NaN', 'Infinity', '-Infinity']],
  ['FP32', [0, 1.5, -3.4028234663852886e38, 1.401298464324817e-45, 'NaN', 'Infinity', '-Infinity']],
  ['FP64', [0.1, 1.7976931348623157e308, 5e-324, 'NaN', 'Infinity', '-Infinity']],
  ['BYTES', ['', 'naïve', '\u0000"\n', '🦆']],
];

describe('JSON tensor data', () => {
  it.each(extremes)('%s comes back as it was written', async (datatype, data) => {
    const tensor = decode(datatype, data);
    // As few digits as tell one float from the next.
    const inType = (value: unknown): unknown =>
      /^(FP16|BF16|FP32)$/.test(datatype) && typeof value === 'number' ? Math.fround(value) : value;
    const values = JSON.parse(await flatText(tensor)) as unknown[];
    expect(values.map(inType)).toEqual(data);
    expect(decode(datatype, values).data).toEqual(tensor.data);
  });

  it('keeps the sign of zero', async () => {
    const tensor = decode('FP32', JSON.parse('[-0.0, 0]'));
    expect(await flatText(tensor)).toBe('[-0,0]');
    expect(Object.is(elements('FP32', JSON.parse(await flatText(tensor)))[0], -0)).toBe(true);
  });

  it('reads flat and nested data as the same elements', async () => {
    const nested = [
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ];
    const shape = [1, 2, 3];
    expect(elements('INT32', nested, shape)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(elements('INT32', nested.flat(2), shape)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(JSON.parse(await nestedText(decode('INT32', nested, shape)))).toEqual(nested);
  });

  it('nests booleans, 64-bit integers and floats without JSON form', async () => {
    const rows: [Datatype, unknown[][]][] = [
      ['BOOL', [[true], [false]]],
      ['INT64', [[1], ['9223372036854775807']]],
      ['FP64', [[0.5], ['NaN']]],
    ];
    for (const [datatype, data] of rows) {
      expect(JSON.parse(await nestedText(decode(datatype, data, [2, 1])))).toEqual(data);
    }
  });

  it.each([
    [[4], '[0.1,1.5,2.5,"NaN"]'],
    [[2, 2], '[[0.1,1.5],[2.5,"NaN"]]'],
    [[4, 1], '[[0.1],[1.5],[2.5],["NaN"]]'],
    [[1, 2, 1, 2], '[[[[0.1,1.5]],[[2.5,"NaN"]]]]'],
  ])('nests floats of shape [%s] in their fewest digits', async (shape, text) => {
    const data = new Uint8Array(Float32Array.of(0.1, 1.5, 2.5, Number.NaN).buffer);
    expect(await nestedText({ name: 'x', datatype: 'FP32', shape, data })).toBe(text);
  });

  it.each([
    [[0], '[]'],
    [[2, 0], '[[],[]]'],
    [[0, 2], '[]'],
    [[2, 0, 3], '[[],[]]'],
  ])('nests no floats of shape [%s]', async (shape, text) => {
    expect(await nestedText({ name: 'x', datatype: 'FP32', shape, data: new Uint8Array() })).toBe(text);
  });

  it('nests many floats away from the event loop', async () => {
    const values = Float32Array.from({ length: 6_000 }, (_, index) => index / 8);
    const data = new Uint8Array(values.buffer);
    const rows = JSON.parse(await nestedText({ name: 'x', datatype: 'FP32', shape: [30, 200], data }));
    expect(rows).toEqual(
      Array.from({ length: 30 }, (_, row) => [...values.subarray(row * 200, row * 200 + 200)]),
    );
  });

  it('reads a scalar bare or in an array', () => {
    expect(elements('FP32', 2.5, [])).toEqual([2.5]);
    expect(elements('FP32', [2.5], [])).toEqual([2.5]);
    expect(encodeNested(decode('FP32', 2.5, []))).toBe('2.5');
    expect(encodeNested(decode('FP32', 0.1, []))).toBe('0.1');
  });

  it('takes 1 and 0 for BOOL', () => {
    expect(elements('BOOL', [1, 0, true])).toEqual([1, 0, 1]);
  });

  it.each<[string, Datatype, unknown, number[]]>([
    ['too few elements', 'FP32', [1], [2]],
    ['too many elements', 'FP32', [1, 2, 3], [2]],
    ['a row too short', 'FP32', [[1, 2], [3]], [2, 2]],
    ['a row too long', 'FP32', [[1, 2, 3], [4]], [2, 2]],
    ['a row missing', 'FP32', [[1, 2]], [2, 2]],
    ['a number among rows', 'FP32', [[1, 2], 3], [2, 2]],
    ['nested too deep', 'FP32', [[[1], [2]]], [1, 2]],
    ['an object', 'FP32', { 0: 1 }, [1]],
    ['text', 'FP32', 'abc', [3]],
    ['null', 'FP32', null, [1]],
    ['null as an element', 'FP32', [null], [1]],
    ['text as a float', 'FP32', ['1'], [1]],
    ['a boolean as a float', 'FP32', [true], [1]],
    ['a float beyond FP16', 'FP16', [65_520], [1]],
    ['a float beyond BF16', 'BF16', [3.4e38], [1]],
    ['text as a short float', 'BF16', ['1'], [1]],
    ['a float beyond FP32', 'FP32', [3.5e38], [1]],
    ['a float beyond FP64', 'FP64', JSON.parse('[1e999]'), [1]],
    ['a fraction as INT8', 'INT8', [1.5], [1]],
    ['INT8 above its range', 'INT8', [128], [1]],
    ['INT8 below its range', 'INT8', [-129], [1]],
    ['UINT8 below its range', 'UINT8', [-1], [1]],
    ['UINT32 above its range', 'UINT32', [4_294_967_296], [1]],
    ['NaN as an integer', 'INT32', ['NaN'], [1]],
    ['a boolean as an integer', 'INT32', [true], [1]],
    ['null as an integer', 'INT32', [null], [1]],
    ['INT64 as an inexact number', 'INT64', [9_007_199_254_740_992], [1]],
    ['INT64 above its range', 'INT64', ['9223372036854775808'], [1]],
    ['UINT64 below its range', 'UINT64', [-1], [1]],
    ['INT64 as other text', 'INT64', ['0x10'], [1]],
    ['INT64 as a fraction', 'INT64', [0.5], [1]],
    ['2 as BOOL', 'BOOL', [2], [1]],
    ['text as BOOL', 'BOOL', ['true'], [1]],
  ])('refuses %s', (_what, datatype, data, shape) => {
    expect(() => decode(datatype, data, shape)).toThrowError(
      expect.objectContaining({ code: 'tensor_data' }),
    );
  });

  it('names the element of nested data by its flat index', () => {
    expect(() =>
      decode(
        'INT8',
        [
          [1, 2],
          [3, 'x'],
        ],
        [2, 2],
      ),
    ).toThrowError(/data\[3\] is "x"/);
  });

  it('allocates nothing for a shape that the data does not fill', () => {
    const shape = [1_000_000_000, 1_000_000];
    const refused = expect.objectContaining({ code: 'tensor_data' });
    expect(() => decode('FP64', [[1]], shape)).toThrowError(refused);
    expect(() => decode('FP64', [1], shape)).toThrowError(refused);
  });
});
