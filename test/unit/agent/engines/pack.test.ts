import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { bindTensor } from '../../../../agent/engines/npu-binding.ts';
import { packItem, unpackItem } from '../../../../agent/engines/pack.ts';
import { elementType } from '../../../../compiler/onnx/element-types.ts';
import { writeModel } from '../../../../compiler/onnx/write-model.ts';
import type { NpuBinding } from '../../../../contract/image.ts';
import { constant, modelOf, node } from '../../../support/onnx-models.ts';
import { seededRandom } from '../../../support/random.ts';

const quantisations = [
  { scale: 0.007874015718698502, zeroPoint: 0 },
  { scale: 0.1, zeroPoint: -3 },
  { scale: 1, zeroPoint: 127 },
  { scale: 0.3, zeroPoint: -128 },
  { scale: 1e-20, zeroPoint: 5 },
];

/** One operator with scale and zero point, run by ONNX Runtime. */
async function runtimeOf(operator: string, { scale, zeroPoint }: (typeof quantisations)[number]) {
  const types = [elementType.FLOAT, elementType.INT8];
  if (operator === 'DequantizeLinear') types.reverse();
  const model = writeModel(
    modelOf({
      nodes: [node(operator, { inputs: ['x', 's', 'z'], outputs: ['y'] })],
      initialisers: [constant.float('s', [scale], []), constant.int8('z', [zeroPoint], [])],
      inputs: [{ name: 'x', elementType: types[0], shape: [-1] }],
      outputs: [{ name: 'y', elementType: types[1], shape: [-1] }],
    }),
  );
  return InferenceSession.create(model, { intraOpNumThreads: 1 });
}

async function run(session: InferenceSession, x: Tensor): Promise<Uint8Array> {
  const { y } = await session.run({ x });
  await session.release();
  const data = y?.data as Int8Array | Float32Array;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

type Form = Pick<
  NpuBinding,
  'channels' | 'rows' | 'columns' | 'channelStride' | 'rowStride' | 'columnStride'
>;

/** A tensor of one item in a region that begins somewhere. */
function bound(
  form: Form,
  options: { width: number; offsetBytes?: number; scale?: number; zeroPoint?: number },
) {
  const { width, offsetBytes = 0, scale = 0.25, zeroPoint = 3 } = options;
  const shape = [1, form.channels * form.rows * form.columns];
  return bindTensor(
    { name: 'x', datatype: 'FP32', shape },
    { tensor: 'x', scale, zeroPoint, offsetBytes, ...form },
    { inputParallel: width, regionBytes: 1 << 26 },
  );
}

/** Floats one after the other. */
function vectorWalk(count: number, quantisation: { scale: number; zeroPoint: number }) {
  const form = { channels: count, rows: 1, columns: 1, channelStride: 1, rowStride: 1, columnStride: 1 };
  return bound(form, { width: 1, ...quantisation }).walk;
}

/** Every order of the three directions, as strides that fill an item. */
function* forms([channels, rows, columns]: [number, number, number]): Generator<Form> {
  const size = { channel: channels, row: rows, column: columns };
  for (const order of ['channel row column', 'channel column row', 'row channel column']) {
    for (const directions of [order.split(' '), order.split(' ').reverse()]) {
      const strides: Record<string, number> = {};
      let next = 1;
      for (const direction of directions as (keyof typeof size)[]) {
        strides[direction] = next;
        next *= size[direction];
      }
      const { channel = 1, row = 1, column = 1 } = strides;
      yield { channels, rows, columns, channelStride: channel, rowStride: row, columnStride: column };
    }
  }
}

/** The contract's formula, element by element: place in the tensor, and in the region. */
function* places(form: Form, { width, offsetBytes }: { width: number; offsetBytes: number }) {
  const { channels, rows, columns } = form;
  for (let c = 0; c < channels; c += 1) {
    for (let r = 0; r < rows; r += 1) {
      for (let x = 0; x < columns; x += 1) {
        yield {
          element: c * form.channelStride + r * form.rowStride + x * form.columnStride,
          byte:
            offsetBytes + (Math.floor(c / width) * rows * columns + r * columns + x) * width + (c % width),
        };
      }
    }
  }
}

/** Values around every rounding tie, the ends of the range, all kinds of special numbers, and noise. */
function trickyValues(scale: number): Float32Array {
  const random = seededRandom(7);
  const values = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, -1e-45, 3e38];
  for (let level = -300; level <= 300; level += 0.5) {
    const value = Math.fround(level * scale);
    const bits = new Int32Array(new Float32Array([value]).buffer)[0] ?? 0;
    const neighbours = new Float32Array(new Int32Array([bits - 1, bits, bits + 1]).buffer);
    values.push(...neighbours);
  }
  for (let index = 0; index < 20_000; index += 1) values.push((random() / 2 ** 32 - 0.5) * 600 * scale);
  return Float32Array.from(values);
}

describe.each(quantisations)('scale $scale, zero point $zeroPoint', (quantisation) => {
  it('quantises to the bytes of ONNX Runtime', async () => {
    const values = trickyValues(quantisation.scale);
    const session = await runtimeOf('QuantizeLinear', quantisation);
    const theirs = await run(session, new Tensor('float32', values, [values.length]));
    const ours = new Int8Array(values.length);
    packItem({ values, start: 0 }, { region: ours, start: 0 }, vectorWalk(values.length, quantisation));
    expect(theirs.length).toBe(values.length);
    expect(Buffer.compare(new Uint8Array(ours.buffer), theirs)).toBe(0);
  });

  it('dequantises to the bytes of ONNX Runtime', async () => {
    const levels = Int8Array.from({ length: 256 }, (_, index) => index - 128);
    const session = await runtimeOf('DequantizeLinear', quantisation);
    const theirs = await run(session, new Tensor('int8', levels, [levels.length]));
    const ours = new Float32Array(levels.length);
    unpackItem({ region: levels, start: 0 }, { values: ours, start: 0 }, vectorWalk(256, quantisation));
    expect(theirs.length).toBe(levels.length * 4);
    expect(Buffer.compare(new Uint8Array(ours.buffer), theirs)).toBe(0);
  });
});

const sizes: [number, number, number][] = [
  [3, 4, 5],
  [8, 2, 3],
  [17, 3, 2],
  [40, 1, 1],
  [9, 1, 6],
  [9, 6, 1],
  [1, 5, 4],
  [33, 7, 7],
];

describe.each([8, 16])('blocks of %i channels', (width) => {
  const cases = sizes.flatMap((size) => [...forms(size)].map((form) => ({ size, form })));

  it('hold every element of every size and order where the contract puts it, and nothing else', () => {
    for (const { form } of cases) {
      const { walk, itemElements, endByte } = bound(form, { width, offsetBytes: 2 * width });
      const levels = Int8Array.from({ length: itemElements }, (_, index) => ((index * 37) % 253) - 126);
      const values = Float32Array.from([...new Array(5).fill(0), ...levels], (level) => (level - 3) * 0.25);
      const region = new Int8Array(7 + endByte + width).fill(99);
      const expected = region.slice();
      for (const { element, byte } of places(form, { width, offsetBytes: 2 * width })) {
        expected[7 + byte] = levels[element] ?? 0;
      }
      packItem({ values, start: 5 }, { region, start: 7 }, walk);
      expect([form, region]).toEqual([form, expected]);
    }
    expect(cases).toHaveLength(48);
  });

  it('come back into every order', () => {
    for (const { form } of cases) {
      const { walk, itemElements, endByte } = bound(form, { width, offsetBytes: width });
      const region = Int8Array.from({ length: 7 + endByte }, (_, index) => (index * 91) % 256);
      const values = new Float32Array(itemElements + 9).fill(-77);
      const expected = values.slice();
      for (const { element, byte } of places(form, { width, offsetBytes: width })) {
        expected[4 + element] = ((region[7 + byte] ?? 0) - 3) * 0.25;
      }
      unpackItem({ region, start: 7 }, { values, start: 4 }, walk);
      expect([form, values]).toEqual([form, expected]);
    }
  });
});
