import { describe, expect, it } from 'vitest';
import {
  affineOf,
  argument,
  call,
  clampOf,
  compose,
  constant,
  evaluateScalar,
  isScalarOperator,
  type ScalarFunction,
} from '../../../../compiler/import/scalar-function.ts';
import { floatModelOf, floatOutputOf } from '../../../../compiler/import/to-onnx.ts';
import { RuntimeModel } from '../../../../ort/runtime-model.ts';

const points = Float32Array.from({ length: 401 }, (_, index) => (index - 200) / 20);
const map = { channels: 1, rows: 1, columns: points.length, tensors: [] };

/** What ONNX Runtime makes of the function on the points. */
async function runtimeValues(scalar: ScalarFunction): Promise<Float32Array> {
  const input = { ...map, name: 'x' };
  const output = { ...map, name: 'y' };
  const operations = [{ kind: 'activation', name: 'y', input, output, scalar, nodes: [] } as const];
  const model = floatModelOf({ name: 'scalar', operations, inputs: [input], outputs: [output] });
  const runtime = await RuntimeModel.load(model);
  const results = await runtime.run([
    {
      name: 'x',
      datatype: 'FP32',
      shape: [1, 1, 1, points.length],
      data: new Uint8Array(points.slice().buffer),
    },
  ]);
  await runtime.release();
  return new Float32Array(new Uint8Array(results.get(floatOutputOf(output))?.data ?? []).buffer);
}

const unary =
  'Neg Abs Exp Tanh Erf Relu Sigmoid Softplus Softsign HardSwish Mish LeakyRelu Elu Celu Selu ThresholdedRelu HardSigmoid'
    .split(' ')
    .filter(isScalarOperator);
const binary = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min'] as const;

describe('a scalar function', () => {
  it.each([
    ...unary.map((operator) => [operator, call(operator, [argument])] as const),
    ...binary.map((operator) => [operator, call(operator, [argument, constant(-1.75)])] as const),
    ['LeakyRelu with a slope', call('LeakyRelu', [argument], [0.3])] as const,
    ['HardSigmoid with its own numbers', call('HardSigmoid', [argument], [0.1, 0.3])] as const,
    ['a constant', constant(2.5)] as const,
    ['the argument', argument] as const,
  ])('%s is what ONNX Runtime computes', async (_, scalar) => {
    const expected = await runtimeValues(scalar);
    expect(expected.length).toBe(points.length);
    for (const [index, point] of points.entries()) {
      const value = evaluateScalar(scalar, point);
      expect(Math.abs(value - (expected[index] ?? Number.NaN))).toBeLessThan(
        3e-6 * Math.max(1, Math.abs(value)),
      );
    }
  });

  it('composes', () => {
    const shifted = call('Add', [argument, constant(3)]);
    expect(evaluateScalar(compose(call('Mul', [argument, argument]), shifted), 2)).toBe(25);
  });

  it('is recognised as factor and sum, or not', () => {
    const line = call('Div', [call('Sub', [constant(1), call('Mul', [argument, constant(3)])]), constant(2)]);
    expect(affineOf(line)).toEqual({ scale: -1.5, shift: 0.5 });
    expect(affineOf(call('Mul', [argument, argument]))).toBeUndefined();
    expect(affineOf(call('Add', [argument, call('Relu', [argument])]))).toBeUndefined();
  });

  it('is recognised as a clamp, or not', () => {
    const clamp = call('Min', [call('Max', [argument, constant(-2)]), constant(6)]);
    expect(clampOf(clamp)).toEqual({ minimum: -2, maximum: 6 });
    expect(clampOf(call('Min', [call('Relu', [argument]), constant(-1)]))).toEqual({
      minimum: -1,
      maximum: -1,
    });
    expect(clampOf(call('Max', [argument, call('Relu', [argument])]))).toBeUndefined();
    expect(clampOf(call('Add', [argument, constant(1)]))).toBeUndefined();
    expect(clampOf(call('Relu', [call('Add', [argument, constant(1)])]))).toBeUndefined();
  });
});
