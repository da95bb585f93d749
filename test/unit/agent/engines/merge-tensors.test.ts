import { describe, expect, it } from 'vitest';
import { itemsOf, mergeKeyOf, mergeTensors, splitTensors } from '../../../../agent/engines/merge-tensors.ts';
import { writeByteElements } from '../../../../contract/byte-elements.ts';
import type { Tensor } from '../../../../contract/tensors.ts';

function floats(name: string, shape: number[], values: number[]): Tensor {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

function texts(name: string, shape: number[], values: string[]): Tensor {
  return { name, datatype: 'BYTES', shape, data: writeByteElements(values) };
}

/** With its data in memory of its own, so that views compare equal. */
const whole = (tensors: Tensor[]) => tensors.map((each) => ({ ...each, data: new Uint8Array(each.data) }));

describe('merging', () => {
  const first = [floats('x', [1, 2], [1, 2]), texts('t', [1, 1], ['one'])];
  const second = [floats('x', [2, 2], [3, 4, 5, 6]), texts('t', [2, 1], ['', 'three'])];

  it('puts items behind each other, and splitting gives them back', () => {
    const merged = mergeTensors([first, second]);
    expect(merged).toEqual([
      floats('x', [3, 2], [1, 2, 3, 4, 5, 6]),
      texts('t', [3, 1], ['one', '', 'three']),
    ]);
    expect(splitTensors(merged, [1, 2]).map(whole)).toEqual([first, second]);
    expect(splitTensors(merged, [2, 1]).map(whole)).toEqual([
      [floats('x', [2, 2], [1, 2, 3, 4]), texts('t', [2, 1], ['one', ''])],
      [floats('x', [1, 2], [5, 6]), texts('t', [1, 1], ['three'])],
    ]);
  });

  it('copies, so that requests stay whole, into memory that can change threads', () => {
    const [x] = mergeTensors([first, second]) as [Tensor];
    x.data.fill(0);
    expect(first[0]).toEqual(floats('x', [1, 2], [1, 2]));
    expect(x.data.byteLength).toBe(x.data.buffer.byteLength);
  });

  it('counts items only where all tensors agree', () => {
    expect(itemsOf(second)).toBe(2);
    expect(itemsOf([floats('x', [2, 1], [1, 2]), floats('y', [1, 1], [1])])).toBeUndefined();
  });

  it('tells requests apart by everything but their items', () => {
    const key = mergeKeyOf(first);
    expect(mergeKeyOf(second)).toBe(key);
    const others = [
      [floats('x', [1, 3], [1, 2, 3]), first[1] as Tensor],
      [floats('y', [1, 2], [1, 2]), first[1] as Tensor],
      [{ ...floats('x', [1, 2], [1, 2]), datatype: 'INT32' as const }, first[1] as Tensor],
    ];
    for (const other of others) expect(mergeKeyOf(other)).not.toBe(key);
  });

  it('refuses an output whose first dimension is not the batch', () => {
    expect(() => splitTensors([floats('y', [1, 4], [1, 2, 3, 4])], [1, 1])).toThrow(
      expect.objectContaining({ code: 'engine_failed' }),
    );
  });
});
