import { describe, expect, it } from 'vitest';
import { bindTensor, checkDisjoint } from '../../../../agent/engines/npu-binding.ts';
import type { NpuBinding } from '../../../../contract/image.ts';
import type { TensorDescription } from '../../../../contract/tensors.ts';

const description: TensorDescription = { name: 'x', datatype: 'FP32', shape: [-1, 20, 6, 7] };
const binding: NpuBinding = {
  tensor: 'x',
  scale: 0.1,
  zeroPoint: 0,
  offsetBytes: 16,
  channels: 20,
  rows: 6,
  columns: 7,
  channelStride: 42,
  rowStride: 7,
  columnStride: 1,
};
/** 20 channels are two blocks of 16. */
const endByte = 16 + 2 * 42 * 16;
const form = { inputParallel: 16, regionBytes: endByte };

describe('a binding', () => {
  it('says how many items a tensor holds, and which bytes of the region are its own', () => {
    expect(bindTensor(description, binding, form)).toMatchObject({
      itemElements: 840,
      items: undefined,
      firstByte: 16,
      endByte,
    });
    for (const [shape, items] of [
      [[4, 840], 4],
      [[1, 6, 7, 20], 1],
      [[20, 6, 7], 1],
      [[840], 1],
    ] as const) {
      expect(bindTensor({ ...description, shape: [...shape] }, binding, form).items).toBe(items);
    }
  });

  it('may have any stride where a direction has one element', () => {
    const vector = { channels: 840, rows: 1, columns: 1, channelStride: 1, rowStride: 5, columnStride: 9 };
    const region = { inputParallel: 16, regionBytes: 16 + 53 * 16 };
    expect(bindTensor(description, { ...binding, ...vector }, region).endByte).toBe(16 + 53 * 16);
  });

  const refusals: [string, Partial<NpuBinding>][] = [
    ['a stride that skips elements', { columnStride: 2 }],
    ['strides that visit elements twice', { rowStride: 1 }],
    ['strides that leave the item', { channelStride: 43 }],
    ['strides of another size', { channelStride: 1, rowStride: 20, columnStride: 100 }],
    ['more elements than the tensor', { channels: 21, channelStride: 42 }],
    ['fewer elements than the tensor', { channels: 19, channelStride: 42 }],
    ['a product beyond the limit', { channels: 4096, rows: 4096, columns: 4096 }],
    ['a product beyond 2^53', { channels: 2 ** 24, rows: 2 ** 24, columns: 2 ** 24 }],
    ['an end behind the region', { offsetBytes: 32 }],
    ['a place between words', { offsetBytes: 8 }],
    ['a scale that is 0 in float32', { scale: 1e-60 }],
    ['a scale that is infinite in float32', { scale: 1e60 }],
  ];

  it.each(refusals)('is refused for %s', (_what, edit) => {
    expect(() => bindTensor(description, { ...binding, ...edit }, form)).toThrow(
      expect.objectContaining({ code: 'manifest_invalid' }),
    );
  });

  it.each([
    ['integers', { datatype: 'INT8' as const }],
    ['a second open dimension', { shape: [-1, -1, 6, 7] }],
    ['an open dimension that is not the first', { shape: [20, -1] }],
    ['no items', { shape: [0, 20, 6, 7] }],
    ['items that the first dimension does not count', { shape: [2, 2, 840] }],
    ['half an item', { shape: [1, 420] }],
    ['a scalar', { shape: [] }],
  ])('is refused for a tensor of %s', (_what, edit) => {
    expect(() => bindTensor({ ...description, ...edit }, binding, form)).toThrow(
      expect.objectContaining({ code: 'manifest_invalid' }),
    );
  });
});

describe('inputs of a program', () => {
  const at = (offsetBytes: number) =>
    bindTensor(description, { ...binding, offsetBytes }, { ...form, regionBytes: 1e6 });

  it('may touch but not overlap, in whatever order they stand', () => {
    const length = endByte - 16;
    expect(() => checkDisjoint([at(length), at(0), at(2 * length)])).not.toThrow();
    for (const tensors of [
      [at(0), at(length - 16)],
      [at(length - 16), at(0)],
      [at(0), at(5 * length), at(0)],
    ]) {
      expect(() => checkDisjoint(tensors)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
    }
  });
});
