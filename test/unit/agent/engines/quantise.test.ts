import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { dequantise, quantise } from '../../../../agent/engines/quantise.ts';
import { elementType } from '../../../../compiler/onnx/element-types.ts';
import { writeModel } from '../../../../compiler/onnx/write-model.ts';
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
    quantise(values, ours, quantisation);
    expect(theirs.length).toBe(values.length);
    expect(Buffer.compare(new Uint8Array(ours.buffer), theirs)).toBe(0);
  });

  it('dequantises to the bytes of ONNX Runtime', async () => {
    const levels = Int8Array.from({ length: 256 }, (_, index) => index - 128);
    const session = await runtimeOf('DequantizeLinear', quantisation);
    const theirs = await run(session, new Tensor('int8', levels, [levels.length]));
    const ours = new Float32Array(levels.length);
    dequantise(levels, ours, quantisation);
    expect(theirs.length).toBe(levels.length * 4);
    expect(Buffer.compare(new Uint8Array(ours.buffer), theirs)).toBe(0);
  });
});
