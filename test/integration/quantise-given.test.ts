import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileModel } from '../../compiler/compile.ts';
import { elementType } from '../../compiler/onnx/element-types.ts';
import { Noise } from '../../compiler/quantise/noise.ts';
import { quantisePart } from '../../compiler/quantise/quantise.ts';
import { IntegerRegion } from '../../compiler/quantise/run-region.ts';
import type { Tensor } from '../../contract/tensors.ts';
import { RuntimeModel } from '../../ort/runtime-model.ts';
import { FloatModel } from '../support/float-model.ts';
import { repositoryPath } from '../support/paths.ts';
import { partOf } from '../support/quantised-part.ts';
import { seededRandom } from '../support/random.ts';
import { runCanonical } from '../support/run-compiled.ts';

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

/** A QDQ model under construction with uint8 activations, as ONNX Runtime's quantiser writes it. */
class UnsignedModel extends FloatModel {
  rounded(input: string, { scale, zero }: { scale: number; zero: number }): string {
    const operands = [this.scalar(scale), this.bytes([zero], [], elementType.UINT8)];
    return this.add('DequantizeLinear', [this.add('QuantizeLinear', [input, ...operands]), ...operands]);
  }

  /** Convolution 1 x 1 whose uint8 weights have a zero point. */
  unsignedConvolution(input: string, { from, to, zero }: { from: number; to: number; zero: number }): string {
    const values = Array.from({ length: from * to }, (_, index) => (index * 53) % 256);
    const weights = this.add('DequantizeLinear', [
      this.bytes(values, [to, from, 1, 1], elementType.UINT8),
      this.scalar(0.004),
      this.bytes([zero], [], elementType.UINT8),
    ]);
    return this.add('Conv', [input, weights]);
  }
}

async function compileAndCompare(model: Uint8Array, configuration = 'ci') {
  const compiled = await compileModel(model, { configuration });
  const random = seededRandom(9);
  const original = await RuntimeModel.load(model, { fusesQuantisation: false });
  const noise = new Noise();
  const numbers = (tensor: Tensor | undefined): Float32Array =>
    new Float32Array(new Uint8Array(tensor?.data ?? []).buffer);
  for (let sample = 0; sample < 8; sample += 1) {
    const floats = Float32Array.from({ length: 4 * 36 }, () => random() / 2 ** 31 - 1);
    const input = {
      name: 'x',
      datatype: 'FP32' as const,
      shape: [1, 4, 6, 6],
      data: new Uint8Array(floats.buffer),
    };
    const [name = ''] = compiled.signature.outputs.map((output) => output.name);
    noise.add(
      numbers((await original.run([input])).get(name)),
      numbers((await runCanonical(compiled, [input])).get(name)),
    );
  }
  await original.release();
  return { report: compiled.report, decibels: noise.decibels };
}

describe('models of ONNX Runtime with uint8 everywhere', () => {
  it.each([128, 0, 131])('weights of zero point %i become symmetric int8 for each channel', async (zero) => {
    const model = new UnsignedModel({ seed: 3 });
    const x = model.rounded(model.input('x', [1, 4, 6, 6]), { scale: 0.0079, zero: 127 });
    const first = model.unsignedConvolution(x, { from: 4, to: 8, zero });
    const wide = model.rounded(model.add('Relu', [first]), { scale: 0.008, zero: 0 });
    const y = model.rounded(model.unsignedConvolution(wide, { from: 8, to: 4, zero }), {
      scale: 0.02,
      zero: 120,
    });
    const { report, decibels } = await compileAndCompare(model.write([y]));
    expect(report.multiplyAccumulates.npu).toBe(report.multiplyAccumulates.total);
    expect(report.quantisation.method).toBe('given');
    expect(report.placement.filter(({ reason }) => reason.includes('quantised anew')).length).toBe(2);
    expect(decibels).toBeGreaterThan(25);
  });

  it('batch normalisation between quantised tensors is a convolution of its own', async () => {
    const model = new UnsignedModel({ seed: 4 });
    const x = model.rounded(model.input('x', [1, 4, 6, 6]), { scale: 0.0079, zero: 127 });
    const normalised = model.rounded(model.add('Relu', [model.normalisation(x, 4)]), {
      scale: 0.006,
      zero: 0,
    });
    const y = model.rounded(model.unsignedConvolution(normalised, { from: 4, to: 4, zero: 128 }), {
      scale: 0.01,
      zero: 120,
    });
    const { report, decibels } = await compileAndCompare(model.write([y]));
    expect(report.multiplyAccumulates.npu).toBe(report.multiplyAccumulates.total);
    expect(decibels).toBeGreaterThan(25);
  });

  it('what has no scale stays on the host, its uint8 neighbours do not', async () => {
    const model = new UnsignedModel({ seed: 5 });
    const x = model.rounded(model.input('x', [1, 4, 6, 6]), { scale: 0.0079, zero: 127 });
    const wide = model.rounded(model.unsignedConvolution(x, { from: 4, to: 16, zero: 128 }), {
      scale: 0.02,
      zero: 128,
    });
    // Nobody says what its result ranges over.
    const bare = model.unsignedConvolution(wide, { from: 16, to: 2, zero: 128 });
    const { report, decibels } = await compileAndCompare(model.write([bare]));
    const stayed = report.placement.filter(({ placement }) => placement.startsWith('host'));
    expect(stayed.some(({ operator, reason }) => operator === 'Conv' && reason.includes('no scale'))).toBe(
      true,
    );
    expect(report.multiplyAccumulates.npu).toBe(4 * 16 * 36);
    expect(decibels).toBeGreaterThan(25);
  });
});
