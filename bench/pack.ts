import { bindTensor } from '../agent/engines/npu-binding.ts';
import { packItem, unpackItem } from '../agent/engines/pack.ts';
import type { NpuBinding } from '../contract/image.ts';
import { type Contender, compare, type Measurement } from './measure.ts';

const inputParallel = 16;
const options = { rounds: 15, callsPerRound: 20 };

type Form = Omit<NpuBinding, 'tensor' | 'scale' | 'zeroPoint' | 'offsetBytes'>;

const image: Form = {
  channels: 3,
  rows: 224,
  columns: 224,
  channelStride: 224 * 224,
  rowStride: 224,
  columnStride: 1,
};
const forms: Record<string, Form> = {
  '1 x 3 x 224 x 224': image,
  '1 x 224 x 224 x 3': { ...image, channelStride: 1, rowStride: 224 * 3, columnStride: 3 },
  '1 x 1280 x 7 x 7': {
    channels: 1280,
    rows: 7,
    columns: 7,
    channelStride: 49,
    rowStride: 7,
    columnStride: 1,
  },
  '1 x 784': { channels: 784, rows: 1, columns: 1, channelStride: 1, rowStride: 1, columnStride: 1 },
};

/** Quantising into blocks of 16 channels and back, against loops that only copy as many elements. */
export async function benchPack(): Promise<Record<string, Measurement[]>> {
  const tables: Record<string, Measurement[]> = {};
  for (const [name, form] of Object.entries(forms)) {
    const contenders = contendersFor(form);
    tables[`floats ${name} to int8 in blocks`] = await compare(contenders.pack, options);
    tables[`int8 in blocks to floats ${name}`] = await compare(contenders.unpack, options);
  }
  return tables;
}

function contendersFor(form: Form): { pack: Contender[]; unpack: Contender[] } {
  const count = form.channels * form.rows * form.columns;
  const { walk, endByte } = bindTensor(
    { name: 'x', datatype: 'FP32', shape: [1, count] },
    { tensor: 'x', scale: 0.0186, zeroPoint: -14, offsetBytes: 0, ...form },
    { inputParallel, regionBytes: Number.MAX_SAFE_INTEGER },
  );
  const values = Float32Array.from({ length: count }, (_, index) => ((index * 7919) % 10_007) / 2_500 - 1.9);
  const region = new Int8Array(endByte);
  const floats = new Float32Array(count);
  const bytes = new Int8Array(count);
  return {
    pack: [
      { name: 'a loop that copies floats', run: () => copyFloats(values, floats) },
      { name: 'quantise and pack', run: () => packItem({ values, start: 0 }, { region, start: 0 }, walk) },
    ],
    unpack: [
      { name: 'a loop that copies int8 to floats', run: () => copyBytes(bytes, floats) },
      {
        name: 'unpack and dequantise',
        run: () => unpackItem({ region, start: 0 }, { values: floats, start: 0 }, walk),
      },
    ],
  };
}

function copyFloats(from: Float32Array, to: Float32Array): void {
  for (let index = 0; index < from.length; index += 1) to[index] = from[index] as number;
}

function copyBytes(from: Int8Array, to: Float32Array): void {
  for (let index = 0; index < from.length; index += 1) to[index] = from[index] as number;
}
