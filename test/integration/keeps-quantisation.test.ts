import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { OnnxEngine } from '../../agent/engines/onnx-engine.ts';
import { scoringLimits } from '../../agent/scoring-limits.ts';
import { digestOf } from '../../base/digest.ts';
import { elementType } from '../../compiler/onnx/element-types.ts';
import { writeModel } from '../../compiler/onnx/write-model.ts';
import { readModelSignature } from '../../compiler/signature.ts';
import { roundHalfEven, saturate } from '../support/npu-interpreter.ts';
import { constant, modelOf, node } from '../support/onnx-models.ts';
import { temporaryFolder } from '../support/paths.ts';
import { silentLogger } from '../support/workspace-fixture.ts';

/** Fused to QLinearAdd, ONNX Runtime gives other bits for some pairs of these on x64. */
const scales = { a: 0.05, b: 0.05, y: 0.1 };

it('a session that keeps quantisation adds in float32, whatever the processor', async () => {
  const pairs = Array.from(
    { length: 65_536 },
    (_, index) => [(index >> 8) - 128, (index & 255) - 128] as const,
  );
  const engine = await startEngine(addModel());
  const [output] = await engine.infer([
    int8Tensor(
      'a',
      Int8Array.from(pairs, ([a]) => a),
    ),
    int8Tensor(
      'b',
      Int8Array.from(pairs, ([, b]) => b),
    ),
  ]);
  const expected = Int8Array.from(pairs, ([a, b]) => {
    const [first, second] = [Math.fround(a * Math.fround(scales.a)), Math.fround(b * Math.fround(scales.b))];
    return saturate(roundHalfEven(Math.fround(Math.fround(first + second) / Math.fround(scales.y))));
  });
  const actual = new Int8Array(output?.data ?? []);
  expect(pairs.filter((_, index) => actual[index] !== expected[index])).toEqual([]);
});

function addModel(): Uint8Array {
  const dequantised = (name: string) =>
    node('DequantizeLinear', { inputs: [name, `${name}_scale`, 'zero'], outputs: [`${name}_real`] });
  const value = (name: string) => ({ name, elementType: elementType.INT8, shape: [-1] });
  return writeModel(
    modelOf({
      nodes: [
        dequantised('a'),
        dequantised('b'),
        node('Add', { inputs: ['a_real', 'b_real'], outputs: ['sum'] }),
        node('QuantizeLinear', { inputs: ['sum', 'y_scale', 'zero'], outputs: ['y'] }),
      ],
      initialisers: [
        ...Object.entries(scales).map(([name, scale]) => constant.float(`${name}_scale`, [scale], [])),
        constant.int8('zero', [0], []),
      ],
      inputs: [value('a'), value('b')],
      outputs: [value('y')],
    }),
  );
}

function int8Tensor(name: string, values: Int8Array) {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.length);
  return { name, datatype: 'INT8' as const, shape: [values.length], data };
}

async function startEngine(model: Uint8Array): Promise<OnnxEngine> {
  const path = join(temporaryFolder(), 'model.onnx');
  await writeFile(path, model);
  const engine = new OnnxEngine({
    what: 'test',
    model: { path, digest: digestOf(model) },
    signature: readModelSignature(model),
    keepsQuantisation: true,
    sessions: 1,
    queueDepthMax: 1,
    limits: scoringLimits,
    nowMs: () => performance.now(),
    log: silentLogger,
  });
  await engine.start();
  onTestFinished(() => engine.close());
  return engine;
}
