import { describe, expect, it } from 'vitest';
import { type RegionSample, regionSamples } from '../../../../compiler/quantise/samples.ts';
import type { Tensor } from '../../../../contract/tensors.ts';
import { FloatModel } from '../../../support/float-model.ts';
import { partOf } from '../../../support/quantised-part.ts';

function tensor(name: string, { shape, values }: { shape: number[]; values: Float32Array }): Tensor {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(values.buffer) };
}

async function collect(
  samples: AsyncIterable<RegionSample> | Iterable<RegionSample>,
): Promise<RegionSample[]> {
  const list: RegionSample[] = [];
  for await (const sample of samples) list.push(sample);
  return list;
}

/** A convolution behind a softmax, which stays on the host. */
function withHead(): Uint8Array {
  const model = new FloatModel({ seed: 41 });
  const soft = model.add('Softmax', [model.input('input', [1, 4, 2, 3])], { axis: 1 });
  return model.write([model.convolution(soft, { from: 4, to: 3 })]);
}

const shape = [1, 4, 2, 3];
const values = Float32Array.from({ length: 24 }, (_, index) => Math.sin(index));

describe('regionSamples', () => {
  it("are the model's inputs where the region starts at them", async () => {
    const model = new FloatModel({ seed: 42 });
    const { boundaries } = await partOf(
      model.write([model.convolution(model.input('input', shape), { from: 4, to: 3 })]),
    );
    const samples = regionSamples([[tensor('input', { shape, values })]], { inputs: boundaries });
    expect(await collect(samples)).toEqual([[values]]);
  });

  it('are what the head computes, each time anew', async () => {
    const { boundaries, head } = await partOf(withHead());
    if (head === undefined) throw new Error('no head');
    const samples = regionSamples([[tensor('input', { shape, values })]], { head, inputs: boundaries });
    const [first] = await collect(samples);
    expect(await collect(samples)).toEqual([first]);
    for (let pixel = 0; pixel < 6; pixel += 1) {
      const own = [0, 1, 2, 3].map((channel) => values[channel * 6 + pixel] ?? 0);
      const sum = own.reduce((total, value) => total + Math.exp(value), 0);
      for (const [channel, value] of own.entries()) {
        expect(first?.[0]?.[channel * 6 + pixel]).toBeCloseTo(Math.exp(value) / sum, 5);
      }
    }
  });

  it.each([
    ['tensor_name', tensor('other', { shape, values })],
    ['tensor_shape', tensor('input', { shape: [1, 4, 2, 2], values: new Float32Array(16) })],
    ['tensor_datatype', { name: 'input', datatype: 'UINT8', shape, data: new Uint8Array(24) }],
  ] as const)('refuse a sample with %s', async (code, sample) => {
    const model = new FloatModel({ seed: 42 });
    const { boundaries } = await partOf(
      model.write([model.convolution(model.input('input', shape), { from: 4, to: 3 })]),
    );
    await expect(collect(regionSamples([[sample]], { inputs: boundaries }))).rejects.toMatchObject({ code });
  });
});
