import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { quantisePart } from '../../compiler/quantise/quantise.ts';
import { IntegerRegion } from '../../compiler/quantise/run-region.ts';
import { repositoryPath } from '../support/paths.ts';
import { partOf } from '../support/quantised-part.ts';

const classCount = 10;

/** Models that bring their scales, with the logits of an independent integer reference. */
const sets = [
  { name: 'digits_mlp_qdq_pc', reference: 'digits_mlp_pc_intref' },
  { name: 'digits_mlp_qop_pc', reference: 'digits_mlp_pc_intref' },
  { name: 'digits_mlp_qop_pt', reference: 'digits_mlp_pt_intref' },
  { name: 'digits_mlp_qop_p2', reference: 'digits_mlp_p2_intref' },
] as const;

describe('models with their own quantisation', () => {
  it.each(sets)(
    '$name gives the integers of the reference for all 450 digits',
    async ({ name, reference }) => {
      const golden = (file: string): Buffer => readFileSync(repositoryPath('test', 'golden', 'digits', file));
      const { part } = await partOf(new Uint8Array(golden(`${name}.onnx`)));
      const { network, quantisations, report } = await quantisePart(part, { method: 'auto' });
      expect(report.method).toBe('given');
      const region = await IntegerRegion.load(network, { quantisations, told: network.outputs });
      const images = Float32Array.from(golden('images.u8'), (pixel) => pixel / 16);
      const logits = golden(`${reference}.i32`);
      let differing = 0;
      for (let image = 0; image < images.length / 64; image += 1) {
        const [integers = new Int8Array(0)] = await region.runIntegers([
          images.slice(image * 64, (image + 1) * 64),
        ]);
        expect(integers.length).toBe(classCount);
        for (const [index, value] of integers.entries()) {
          if (value !== logits.readInt32LE((image * classCount + index) * 4)) differing += 1;
        }
      }
      await region.release();
      expect(differing).toBe(0);
    },
  );

  it('digits CNN: QDQ and QLinear forms become the same layers', async () => {
    const layersOf = async (form: string) => {
      const file = repositoryPath('test', 'golden', 'digits', `digits_cnn_${form}_pc.onnx`);
      const { part } = await partOf(new Uint8Array(readFileSync(file)));
      const { network } = await quantisePart(part, { method: 'auto' });
      return network.layers.map((layer) => {
        if (layer.kind !== 'convolution') return { kind: layer.kind };
        const { weights, bias, scales, inputZeroPoint, outputZeroPoint, minimum } = layer;
        return { weights, bias, scales, inputZeroPoint, outputZeroPoint, minimum };
      });
    };
    const [first, second] = [await layersOf('qdq'), await layersOf('qop')];
    expect(first).toEqual(second);
    expect(first.length).toBe(5);
  });
});
