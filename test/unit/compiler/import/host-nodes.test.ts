import { describe, expect, it } from 'vitest';
import { elementType } from '../../../../compiler/onnx/element-types.ts';
import { FloatModel, float } from '../../../support/float-model.ts';
import { compareRebuilt } from '../../../support/rebuilt-model.ts';

interface Stay {
  /** From the output [1,6,8,8] of a convolution to the model's output. */
  build: (model: FloatModel, x: string) => string;
  /** Operator that stays, and what its reason must name. */
  operator: string;
  reason: string;
  opset?: number;
}

const stays: Record<string, Stay> = {
  'an average that hangs over padding which counts': {
    build: (model, x) =>
      model.add('AveragePool', [x], {
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 0],
        ceil_mode: 1,
        count_include_pad: 1,
      }),
    operator: 'AveragePool',
    reason: 'ceil_mode',
  },
  'bilinear resize': {
    build: (model, x) => model.add('Resize', [x, '', model.floats([1, 1, 2, 2])], { mode: 'linear' }),
    operator: 'Resize',
    reason: 'mode linear',
  },
  'a resize that rounds up': {
    build: (model, x) =>
      model.add('Resize', [x, '', model.floats([1, 1, 2, 2])], {
        mode: 'nearest',
        coordinate_transformation_mode: 'asymmetric',
        nearest_mode: 'ceil',
      }),
    operator: 'Resize',
    reason: 'asymmetric, ceil',
  },
  'resize to another aspect': {
    build: (model, x) => model.add('Resize', [x, '', '', model.integers([1, 6, 12, 8])], { mode: 'nearest' }),
    operator: 'Resize',
    reason: 'whole factors',
  },
  'a slice of rows': {
    build: (model, x) =>
      model.add('Slice', [x, model.integers([1]), model.integers([7]), model.integers([2])]),
    operator: 'Slice',
    reason: 'cuts channels',
  },
  'every second channel': {
    build: (model, x) =>
      model.add('Slice', [x, ...[[0], [6], [1], [2]].map((values) => model.integers(values))]),
    operator: 'Slice',
    reason: 'cuts channels',
  },
  'a concat of rows': {
    build: (model, x) => model.add('Concat', [x, x], { axis: 2 }),
    operator: 'Concat',
    reason: 'joins channels',
  },
  'padding of channels': {
    build: (model, x) => model.add('Pad', [x, model.integers([0, 1, 0, 0, 0, 1, 0, 0])]),
    operator: 'Pad',
    reason: 'rows and columns',
  },
  'reflecting padding': {
    build: (model, x) => model.add('Pad', [x, model.integers([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'reflect' }),
    operator: 'Pad',
    reason: 'reflect',
  },
  'a shuffle of rows': {
    build: (model, x) => {
      const groups = model.add('Reshape', [x, model.integers([1, 6, 2, 4, 8])]);
      const turned = model.add('Transpose', [groups], { perm: [0, 1, 3, 2, 4] });
      return model.add('Reshape', [turned, model.integers([1, 6, 8, 8])]);
    },
    operator: 'Reshape',
    reason: 'cuts through a feature map',
  },
  'a product of two computed tensors': {
    build: (model, x) => model.add('MatMul', [x, model.add('Transpose', [x], { perm: [0, 1, 3, 2] })]),
    operator: 'MatMul',
    reason: 'its weights are computed',
  },
  'a mask of one channel over several': {
    build: (model, x) => model.add('Mul', [x, model.convolution(x, { from: 6, to: 1 })]),
    operator: 'Mul',
    reason: 'as many channels',
  },
  'a constant that varies over rows': {
    build: (model, x) => model.add('Mul', [x, model.weights([1, 1, 8, 1], 1)]),
    operator: 'Mul',
    reason: 'one for each channel',
  },
  'a bound for each channel': {
    build: (model, x) => model.add('Max', [x, model.weights([6, 1, 1], 1)]),
    operator: 'Max',
    reason: 'one for all',
  },
  'division by what is computed': {
    build: (model, x) =>
      model.add('Div', [model.scalar(1), model.add('Add', [model.add('Exp', [x]), model.scalar(2)])]),
    operator: 'Div',
    reason: 'divides by what is computed',
  },
  'a root': {
    build: (model, x) => model.add('Sqrt', [model.add('Abs', [x])]),
    operator: 'Sqrt',
    reason: 'no such operation',
  },
  'a mean over channels': {
    build: (model, x) => model.add('ReduceMean', [x], { axes: [1] }),
    operator: 'ReduceMean',
    reason: 'rows and columns',
  },
  'a power': {
    build: (model, x) => model.add('Pow', [model.add('Abs', [x]), model.scalar(2.5)]),
    operator: 'Pow',
    reason: 'exponent 2.5',
  },
  'weights that are computed': {
    build: (model, x) =>
      model.add('Conv', [
        x,
        model.add('Reshape', [model.add('GlobalAveragePool', [x]), model.integers([1, 6, 1, 1])]),
      ]),
    operator: 'Conv',
    reason: 'computed',
  },
  'a cast to integers': {
    build: (model, x) => model.add('Cast', [model.add('Cast', [x], { to: elementType.INT32 })], { to: 1 }),
    operator: 'Cast',
    reason: 'INT32',
  },
  'an addition of infinity': {
    build: (model, x) =>
      model.add('Sigmoid', [model.add('Sub', [x, model.scalar(Number.POSITIVE_INFINITY)])]),
    operator: 'Sub',
    reason: 'Infinity',
  },
  'instance normalisation': {
    build: (model, x) =>
      model.add('InstanceNormalization', [x, model.weights([6], 1), model.weights([6], 1)], {
        epsilon: float(0.01),
      }),
    operator: 'InstanceNormalization',
    reason: 'no such operation',
  },
};

describe('a node that stays', () => {
  it.each(Object.entries(stays))(
    '%s, with the reason',
    async (_, { build, operator, reason, opset = 17 }) => {
      const model = new FloatModel({ seed: 4, opset });
      const x = model.convolution(model.input('x', [1, 4, 8, 8]), { from: 4, to: 6 });
      const { partition, relativeMax } = await compareRebuilt(model.write([build(model, x)]));
      const stayed = partition.stayed.find(({ node }) => node.operator === operator);
      expect(stayed?.reason).toContain(reason);
      expect(partition.regions[0]?.operations[0]?.name).toBe('n-conv0');
      expect(relativeMax).toBeLessThan(1e-4);
    },
  );
});
