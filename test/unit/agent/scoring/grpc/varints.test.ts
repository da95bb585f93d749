import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { readVarints } from '../../../../../agent/scoring/grpc/varints.ts';

function written(values: readonly bigint[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const value of values) writer.int64(String(value));
  return writer.finish();
}

function readAll(bytes: Uint8Array, most: number): bigint[] {
  const words = new Int32Array(2 * most);
  const count = readVarints(bytes, most, (index, low, high) => words.set([low, high], 2 * index));
  return [...new BigInt64Array(words.buffer).subarray(0, count)];
}

describe('varints', () => {
  it('are read to the last bit, whatever their length', () => {
    const values = [0n, 1n, -1n];
    for (let bit = 0n; bit < 63n; bit += 1n) {
      values.push(1n << bit, (1n << bit) - 1n, -(1n << bit), 0x5555555555555555n & ((1n << bit) - 1n));
    }
    values.push(-(2n ** 63n), 2n ** 63n - 1n);
    expect(readAll(written(values), values.length)).toEqual(values);
  });

  it('stop where there are more than asked for', () => {
    expect(readVarints(written([1n, 2n, 3n]), 2, () => undefined)).toBe(3);
    expect(readVarints(new Uint8Array(), 0, () => undefined)).toBe(0);
  });

  it.each([
    ['cut short', [0x80]],
    ['longer than any', new Array(11).fill(0x80)],
  ])('are refused when %s', (_what, bytes) => {
    expect(() => readVarints(Uint8Array.from(bytes), 5, () => undefined)).toThrow('varint');
  });
});
