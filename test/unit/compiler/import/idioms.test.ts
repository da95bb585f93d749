import { describe, expect, it } from 'vitest';
import { inputsOf } from '../../../../compiler/import/graph.ts';
import { describeScalar } from '../../../../compiler/import/scalar-function.ts';
import { type Attributes, FloatModel, float } from '../../../support/float-model.ts';
import { compareRebuilt } from '../../../support/rebuilt-model.ts';

/** A snippet as exporters write it, and the operations that it must become. */
interface Idiom {
  build: (model: FloatModel) => readonly string[];
  operations: readonly string[];
  opset?: number;
  /** Operators that stay on ONNX Runtime; none unless told. */
  stays?: readonly string[];
  /** Tensors that the region's inputs stand for. */
  enters?: readonly string[];
}

const image = [1, 4, 9, 7] as const;

function convolved(model: FloatModel, to = 6): string {
  return model.convolution(model.input('x', image), {
    from: 4,
    to,
    kernel: [3, 3],
    attributes: { pads: [1, 1, 1, 1] },
  });
}

function grouped(model: FloatModel): string {
  return model.convolution(model.input('x', image), {
    from: 4,
    to: 12,
    groups: 2,
    kernel: [3, 3],
    attributes: { pads: [1, 1, 1, 1] },
  });
}

function shuffle(
  model: FloatModel,
  { input, groups, channels }: { input: string; groups: number; channels: number },
): string {
  const cut = model.add('Reshape', [input, model.integers([1, groups, channels / groups, 9, 7])]);
  const turned = model.add('Transpose', [cut], { perm: [0, 2, 1, 3, 4] });
  return model.add('Reshape', [turned, model.integers([1, channels, 9, 7])]);
}

const idioms: Record<string, Idiom> = {
  'batch normalisation behind a convolution': {
    build: (model) => [model.normalisation(convolved(model), 6)],
    operations: ['convolution'],
  },
  'batch normalisation before a convolution without padding': {
    build: (model) => [
      model.convolution(model.normalisation(model.input('x', image), 4), {
        from: 4,
        to: 6,
        kernel: [3, 3],
        groups: 2,
      }),
    ],
    operations: ['convolution'],
  },
  'batch normalisation before a convolution with padding stays an operation': {
    build: (model) => [
      model.convolution(model.normalisation(model.input('x', image), 4), {
        from: 4,
        to: 6,
        kernel: [3, 3],
        attributes: { pads: [1, 1, 1, 1] },
      }),
    ],
    operations: ['convolution', 'convolution'],
  },
  'scale and sum of each channel as Mul and Add': {
    build: (model) => {
      const scaled = model.add('Mul', [convolved(model), model.weights([1, 6, 1, 1], 1)]);
      return [model.add('Sub', [model.weights([6, 1, 1], 1), scaled])];
    },
    operations: ['convolution'],
  },
  'input normalisation by scalars before a convolution without padding': {
    build: (model) => {
      const shifted = model.add('Sub', [model.input('x', image), model.scalar(0.45)]);
      const scaled = model.add('Div', [shifted, model.scalar(0.22)]);
      return [model.convolution(scaled, { from: 4, to: 5, kernel: [3, 3] })];
    },
    operations: ['convolution'],
  },
  'hard-swish as Add, Clip, Mul, Div': {
    build: (model) => {
      const x = convolved(model);
      const clipped = model.add('Clip', [model.add('Add', [x, model.floats([3])])], {
        min: float(0),
        max: float(6),
      });
      return [model.add('Div', [model.add('Mul', [x, clipped]), model.floats([6])])];
    },
    operations: ['convolution', 'activation Div(Mul(x, Min(Max(Add(x, 3), 0), 6)), 6)'],
    opset: 9,
  },
  'hard-swish as HardSigmoid times x': {
    build: (model) => {
      const x = convolved(model);
      return [model.add('Mul', [x, model.add('HardSigmoid', [x], { alpha: float(1 / 6) })])];
    },
    operations: ['convolution', 'activation Mul(x, HardSigmoid(x, 0.1666666716337204, 0.5))'],
  },
  'the HardSwish operator': {
    build: (model) => [model.add('HardSwish', [convolved(model)])],
    operations: ['convolution', 'activation HardSwish(x)'],
  },
  'SiLU as Sigmoid times x': {
    build: (model) => {
      const x = convolved(model);
      return [model.add('Mul', [x, model.add('Sigmoid', [x])])];
    },
    operations: ['convolution', 'activation Mul(x, Sigmoid(x))'],
  },
  'Mish as Softplus, Tanh, Mul': {
    build: (model) => {
      const x = convolved(model);
      return [model.add('Mul', [x, model.add('Tanh', [model.add('Softplus', [x])])])];
    },
    operations: ['convolution', 'activation Mul(x, Tanh(Softplus(x)))'],
  },
  'GELU as Div, Erf, Add, Mul, Mul': {
    build: (model) => {
      const x = convolved(model);
      const erf = model.add('Erf', [model.add('Div', [x, model.scalar(Math.SQRT2)])]);
      const product = model.add('Mul', [x, model.add('Add', [erf, model.scalar(1)])]);
      return [model.add('Mul', [product, model.scalar(0.5)])];
    },
    operations: ['convolution', 'activation Mul(Mul(x, Add(Erf(Div(x, 1.41421)), 1)), 0.5)'],
  },
  'the Gelu operator, exact and by tanh': {
    build: (model) => {
      const x = convolved(model);
      const tanh = model.add('Gelu', [x], { approximate: 'tanh' });
      return [model.add('Gelu', [x]), tanh];
    },
    opset: 20,
    operations: [
      'convolution',
      'activation Mul(Mul(0.5, x), Add(1, Tanh(Mul(0.797885, Add(x, Mul(Mul(x, x), Mul(x, 0.044715)))))))',
      'activation Mul(Mul(0.5, x), Add(1, Erf(Mul(x, 0.707107))))',
    ],
  },
  'ReLU6 as Clip with inputs, Elu, Selu, Celu, ThresholdedRelu, Softsign': {
    build: (model) => {
      const x = convolved(model);
      return [
        model.add('Clip', [x, model.scalar(0), model.scalar(6)]),
        model.add('Elu', [x], { alpha: 0.7 }),
        model.add('Selu', [x]),
        model.add('Celu', [x], { alpha: 0.8 }),
        model.add('ThresholdedRelu', [x], { alpha: 0.3 }),
        model.add('Softsign', [x]),
      ];
    },
    operations: [
      'convolution',
      'activation Min(Max(x, 0), 6)',
      'activation Elu(x, 0.699999988079071)',
      'activation Selu(x, 1.6732631921768188, 1.0507010221481323)',
      'activation Celu(x, 0.800000011920929)',
      'activation ThresholdedRelu(x, 0.30000001192092896)',
      'activation Softsign(x)',
    ],
  },
  'LeakyRelu as Max of x and a part of it': {
    build: (model) => {
      const x = convolved(model);
      return [model.add('Max', [x, model.add('Mul', [x, model.scalar(0.125)])])];
    },
    operations: ['convolution', 'activation Max(x, Mul(x, 0.125))'],
  },
  'PRelu with one slope': {
    build: (model) => [model.add('PRelu', [convolved(model), model.floats([0.25], [1, 1, 1])])],
    operations: ['convolution', 'activation LeakyRelu(x, 0.25)'],
  },
  'PRelu with a slope for each channel': {
    build: (model) => [model.add('PRelu', [convolved(model), model.weights([6, 1, 1], 0.5)])],
    operations: ['convolution', 'activation Relu(x)', 'activation Min(x, 0)', 'convolution', 'add'],
  },
  'PRelu as Relu, Neg, Mul, Add with a slope for each channel': {
    build: (model) => {
      const x = convolved(model);
      const negative = model.add('Relu', [model.add('Neg', [x])]);
      const scaled = model.add('Mul', [negative, model.weights([1, 6, 1, 1], 0.5)]);
      return [model.add('Add', [model.add('Relu', [x]), scaled])];
    },
    operations: ['convolution', 'activation Relu(Neg(x))', 'convolution', 'activation Relu(x)', 'add'],
  },
  'Flatten before Gemm': {
    build: (model) => [
      model.add('Gemm', [
        model.add('Flatten', [convolved(model)]),
        model.weights([378, 5], 0.1),
        model.weights([5], 1),
      ]),
    ],
    operations: ['convolution', 'convolution'],
  },
  'Transpose to NHWC and Reshape before Gemm': {
    build: (model) => {
      const last = model.add('Transpose', [convolved(model)], { perm: [0, 2, 3, 1] });
      const flat = model.add('Reshape', [last, model.integers([1, -1])]);
      return [model.add('Gemm', [flat, model.weights([5, 378], 0.1)], { transB: 1, alpha: 0.5 })];
    },
    operations: ['convolution', 'convolution'],
  },
  'Shape, Gather, Unsqueeze, Concat, Reshape before MatMul and Add': {
    build: (model) => {
      const x = convolved(model);
      const batch = model.add('Gather', [model.add('Shape', [x]), model.integers([0], [])], { axis: 0 });
      const target = model.add(
        'Concat',
        [model.add('Unsqueeze', [batch, model.integers([0])]), model.integers([-1])],
        {
          axis: 0,
        },
      );
      const flat = model.add('Reshape', [x, target]);
      return [
        model.add('Add', [model.add('MatMul', [flat, model.weights([378, 5], 0.1)]), model.weights([5], 1)]),
      ];
    },
    operations: ['convolution', 'convolution'],
  },
  'MatMul over a sequence of vectors': {
    build: (model) => {
      const x = model.input('x', [1, 12, 8]);
      const hidden = model.add('Relu', [
        model.add('Add', [model.add('MatMul', [x, model.weights([8, 16], 0.4)]), model.weights([16], 1)]),
      ]);
      return [model.add('MatMul', [hidden, model.weights([16, 3], 0.4)])];
    },
    operations: ['convolution', 'activation Relu(x)', 'convolution'],
    enters: ['x'],
  },
  'NHWC input behind Transpose, NHWC output': {
    build: (model) => {
      const x = model.add(
        'Transpose',
        [model.add('Mul', [model.input('x', [1, 9, 7, 3]), model.scalar(2)])],
        { perm: [0, 3, 1, 2] },
      );
      const y = model.convolution(x, { from: 3, to: 5, kernel: [3, 3] });
      return [model.add('Transpose', [model.add('Relu', [y])], { perm: [0, 2, 3, 1] })];
    },
    operations: ['convolution', 'activation Relu(x)'],
    enters: ['x'],
  },
  'Pad before a convolution, an average and a maximum': {
    build: (model) => {
      const pads = model.integers([0, 0, 0, 1, 0, 0, 2, 1]);
      const x = model.input('x', image);
      const y = model.add('Relu', [
        model.convolution(model.add('Pad', [x, pads]), { from: 4, to: 6, kernel: [3, 3] }),
      ]);
      const average = model.add('AveragePool', [model.add('Pad', [y, pads])], { kernel_shape: [3, 2] });
      const maximum = model.add('MaxPool', [model.add('Pad', [y, pads, model.scalar(0)])], {
        kernel_shape: [3, 2],
        strides: [2, 1],
      });
      return [average, maximum];
    },
    operations: ['convolution', 'activation Relu(x)', 'average-pool', 'maximum-pool'],
  },
  'Pad before a maximum of numbers below 0 stays': {
    build: (model) => {
      const padded = model.add('Pad', [convolved(model), model.integers([0, 0, 1, 1, 0, 0, 1, 1])]);
      return [model.add('MaxPool', [padded], { kernel_shape: [3, 3] })];
    },
    operations: ['convolution', 'pad', 'maximum-pool'],
  },
  'Pad with the lowest numbers before a maximum': {
    build: (model) => {
      const x = convolved(model);
      const pads = model.integers([0, 0, 0, 1, 0, 0, 2, 1]);
      return [Number.NEGATIVE_INFINITY, -3.4028234663852886e38, -65504].map((value) =>
        model.add('MaxPool', [model.add('Pad', [x, pads, model.scalar(value)])], {
          kernel_shape: [3, 2],
          strides: [2, 1],
          dilations: [2, 1],
        }),
      );
    },
    operations: ['convolution', 'maximum-pool', 'maximum-pool', 'maximum-pool'],
  },
  'Pad with -Infinity as wide as the kernel of the maximum stays': {
    build: (model) => {
      const pads = model.integers([0, 0, 0, 0, 0, 0, 2, 0]);
      const padded = model.add('Pad', [convolved(model), pads, model.scalar(Number.NEGATIVE_INFINITY)]);
      return [model.add('MaxPool', [padded], { kernel_shape: [2, 2], strides: [2, 2] })];
    },
    operations: ['convolution'],
    stays: ['Pad', 'MaxPool'],
  },
  'squeeze and excite': {
    build: (model) => {
      const x = model.add('Relu', [convolved(model)]);
      const squeezed = model.convolution(model.add('ReduceMean', [x], { axes: [2, 3], keepdims: 1 }), {
        from: 6,
        to: 2,
      });
      const gate = model.convolution(model.add('Relu', [squeezed]), { from: 2, to: 6 });
      return [model.add('Mul', [model.add('Sigmoid', [gate]), x])];
    },
    operations: [
      'convolution',
      'activation Relu(x)',
      'global-average',
      'convolution',
      'activation Relu(x)',
      'convolution',
      'activation Sigmoid(x)',
      'multiply',
    ],
  },
  'squeeze and excite by Gemm, Squeeze and Unsqueeze': {
    build: (model) => {
      const x = convolved(model);
      const vector = model.add('ReduceMean', [x], { axes: [2, 3], keepdims: 0 });
      const gate = model.add('Gemm', [vector, model.weights([6, 6], 1)]);
      return [model.add('Mul', [x, model.add('Unsqueeze', [gate, model.integers([2, 3])])])];
    },
    operations: ['convolution', 'global-average', 'convolution', 'multiply'],
  },
  'Identity, Dropout, Cast and pairs of Transposes': {
    build: (model) => {
      const x = model.add('Cast', [model.add('Dropout', [model.add('Identity', [convolved(model)])])], {
        to: 1,
      });
      const there = model.add('Transpose', [x], { perm: [0, 2, 3, 1] });
      const back = model.add('Transpose', [model.add('Relu', [there])], { perm: [0, 3, 1, 2] });
      return [model.convolution(back, { from: 6, to: 3 })];
    },
    operations: ['convolution', 'activation Relu(x)', 'convolution'],
  },
  'Concat, Split and Slice of channels, several outputs': {
    build: (model) => {
      const x = convolved(model, 8);
      const [left = '', right = ''] = model.split('Split', {
        inputs: [x, model.integers([3, 5])],
        count: 2,
        attributes: { axis: 1 },
      });
      const part = model.add('Slice', [x, model.integers([2]), model.integers([100]), model.integers([1])]);
      const joined = model.add('Concat', [model.add('Relu', [right]), part, left], { axis: 1 });
      return [model.convolution(joined, { from: 14, to: 4 }), left];
    },
    operations: ['convolution', 'slice', 'slice', 'slice', 'activation Relu(x)', 'concat', 'convolution'],
  },
  'nearest resize by half pixels and by Upsample': {
    build: (model) => {
      const x = convolved(model);
      const large = model.add('Resize', [x, '', model.floats([1, 1, 2, 3])], { mode: 'nearest' });
      return [model.convolution(large, { from: 6, to: 3 })];
    },
    operations: ['convolution', 'resize', 'convolution'],
  },
  'Upsample of an old model': {
    build: (model) => [
      model.add('Upsample', [convolved(model), model.floats([1, 1, 2, 2])], { mode: 'nearest' }),
    ],
    operations: ['convolution', 'resize'],
    opset: 9,
  },
  'residual sum, difference, sum of three, broadcast of a pixel from the left': {
    build: (model) => {
      const x = model.add('Relu', [convolved(model)]);
      const y = model.convolution(x, { from: 6, to: 6 });
      const difference = model.add('Sub', [x, y]);
      const mean = model.add('GlobalAveragePool', [y]);
      return [model.add('Add', [mean, model.add('Sum', [difference, x, y])])];
    },
    operations: [
      'convolution',
      'activation Relu(x)',
      'convolution',
      'activation Neg(x)',
      'add',
      'global-average',
      'add',
      'add',
      'add',
    ],
  },
  'pools with ceil_mode and SAME padding': {
    build: (model) => {
      const x = convolved(model);
      const ceil = model.add('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 });
      // The last window of a row would begin in the padding, so that there is none.
      const short = { kernel_shape: [2, 2], strides: [4, 4], pads: [0, 0, 1, 1], ceil_mode: 1 };
      const same = { kernel_shape: [2, 2], strides: [2, 2] };
      const average = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 };
      return [
        ceil,
        model.add('MaxPool', [x], short),
        model.add('MaxPool', [x], { ...same, auto_pad: 'SAME_UPPER' }),
        model.add('MaxPool', [x], { ...same, auto_pad: 'SAME_LOWER' }),
        model.add('AveragePool', [x], average),
        model.add('AveragePool', [x], { kernel_shape: [9, 7] }),
        model.add('GlobalMaxPool', [x]),
      ];
    },
    operations: [
      'convolution',
      'maximum-pool',
      'maximum-pool',
      'maximum-pool',
      'maximum-pool',
      'average-pool',
      'global-average',
      'maximum-pool',
    ],
  },
  'averages that leave padding out of the divisor': {
    build: (model) => {
      const x = convolved(model);
      const average = (kernel: readonly number[], attributes: Attributes): string =>
        model.add('AveragePool', [x], { kernel_shape: kernel, ...attributes });
      return [
        average([3, 3], { pads: [1, 1, 1, 1] }),
        average([3, 2], { strides: [2, 2], auto_pad: 'SAME_UPPER' }),
        average([5, 3], { pads: [2, 0, 2, 0], strides: [1, 2], count_include_pad: 0 }),
        average([2, 2], { strides: [2, 2], ceil_mode: 1 }),
        average([3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }),
        // No window reads the padding behind the columns, and the last row of it.
        average([3, 3], { strides: [3, 3], pads: [0, 0, 1, 1] }),
        // Windows over everything there is: global averages.
        average([11, 9], { pads: [1, 1, 1, 1] }),
        average([13, 9], { pads: [2, 1, 2, 1] }),
      ];
    },
    operations: [
      'convolution',
      ...new Array<string>(6).fill('average-pool'),
      ...new Array<string>(2).fill('global-average'),
    ],
  },
  'an average with padding that counts, over everything there is': {
    build: (model) => [
      model.add('AveragePool', [convolved(model)], {
        kernel_shape: [11, 9],
        pads: [1, 1, 1, 1],
        count_include_pad: 1,
      }),
    ],
    operations: ['convolution', 'average-pool'],
  },
  'Pad before an average that leaves padding out stays an operation': {
    build: (model) => {
      const padded = model.add('Pad', [convolved(model), model.integers([0, 0, 1, 1, 0, 0, 1, 1])]);
      return [model.add('AveragePool', [padded], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })];
    },
    operations: ['convolution', 'pad', 'average-pool'],
  },
  'an average over more rows than a kernel has': {
    build: (model) => {
      const x = model.convolution(model.input('x', [1, 2, 130, 64]), { from: 2, to: 3 });
      return [model.add('GlobalAveragePool', [x])];
    },
    operations: ['convolution', 'average-pool', 'average-pool', 'global-average'],
  },
  'convolution along one axis, with asymmetric padding and dilation': {
    build: (model) => {
      const x = model.input('x', [1, 3, 20]);
      const y = model.convolution(x, {
        from: 3,
        to: 6,
        kernel: [3],
        attributes: { dilations: [2], pads: [3, 0], strides: [2] },
      });
      return [model.add('MaxPool', [model.add('Relu', [y])], { kernel_shape: [2] })];
    },
    operations: ['convolution', 'activation Relu(x)', 'maximum-pool'],
  },
  'channel shuffle between convolutions of groups': {
    build: (model) => {
      const x = model.add('Relu', [grouped(model)]);
      const groups = model.add('Reshape', [x, model.integers([1, 3, 4, 9, 7])]);
      const turned = model.add('Transpose', [groups], { perm: [0, 2, 1, 3, 4] });
      const shuffled = model.add('Reshape', [turned, model.integers([1, -1, 9, 7])]);
      return [model.convolution(shuffled, { from: 12, to: 12, kernel: [3, 3], groups: 12 })];
    },
    operations: ['convolution', 'activation Relu(x)', 'shuffle', 'convolution'],
  },
  'channel shuffle of joined branches, over flat pixels, then split': {
    build: (model) => {
      const x = grouped(model);
      const joined = model.add('Concat', [x, model.add('Sigmoid', [x])], { axis: 1 });
      const groups = model.add('Reshape', [joined, model.integers([0, 2, 12, 63])]);
      const turned = model.add('Transpose', [groups], { perm: [0, 2, 1, 3] });
      const shuffled = model.add('Reshape', [turned, model.integers([1, 24, 9, 7])]);
      const [left = '', right = ''] = model.split('Split', {
        inputs: [shuffled, model.integers([12, 12])],
        count: 2,
        attributes: { axis: 1 },
      });
      return [left, model.convolution(right, { from: 12, to: 3 })];
    },
    operations: [
      'convolution',
      'activation Sigmoid(x)',
      'concat',
      'shuffle',
      'slice',
      'slice',
      'convolution',
    ],
  },
  'channel shuffle of NHWC data, and of the batch and groups in one axis': {
    build: (model) => {
      const x = grouped(model);
      const last = model.add('Transpose', [x], { perm: [0, 2, 3, 1] });
      const groups = model.add('Reshape', [last, model.integers([1, 9, 7, 2, 6])]);
      const turned = model.add('Transpose', [groups], { perm: [0, 1, 2, 4, 3] });
      const one = model.add('Reshape', [turned, model.integers([1, 9, 7, 12])]);
      const rows = model.add('Reshape', [x, model.integers([4, 3, 63])]);
      const other = model.add('Reshape', [
        model.add('Transpose', [rows], { perm: [1, 0, 2] }),
        model.integers([1, 12, 9, 7]),
      ]);
      return [model.add('Transpose', [one], { perm: [0, 3, 1, 2] }), other];
    },
    operations: ['convolution', 'shuffle', 'shuffle'],
  },
  'channel shuffle behind a convolution over all channels': {
    build: (model) => {
      const x = model.add('Relu', [model.normalisation(convolved(model), 6)]);
      const shuffled = shuffle(model, { input: x, groups: 2, channels: 6 });
      return [model.convolution(shuffled, { from: 6, to: 6, groups: 2 })];
    },
    operations: ['convolution', 'activation Relu(x)', 'convolution'],
  },
  'channel shuffle before a convolution over all channels': {
    build: (model) => {
      const shuffled = shuffle(model, { input: grouped(model), groups: 3, channels: 12 });
      return [model.convolution(model.add('Relu', [shuffled]), { from: 12, to: 5, kernel: [3, 2] })];
    },
    operations: ['convolution', 'activation Relu(x)', 'convolution'],
  },
  'groups of channels that are never joined again stay': {
    build: (model) => {
      const groups = model.add('Reshape', [grouped(model), model.integers([1, 3, 4, 9, 7])]);
      return [model.add('Transpose', [groups], { perm: [0, 2, 1, 3, 4] })];
    },
    operations: ['convolution'],
    stays: ['Reshape', 'Transpose'],
  },
  'a float Softmax tail stays': {
    build: (model) => {
      const flat = model.add('Flatten', [model.add('GlobalAveragePool', [convolved(model)])]);
      return [model.add('Softmax', [flat], { axis: 1 })];
    },
    operations: ['convolution', 'global-average'],
    stays: ['Softmax'],
  },
  'a detector: two heads in NHWC, reshaped to boxes and joined': {
    build: (model) => {
      const x = model.add('LeakyRelu', [convolved(model, 8)], { alpha: 0.1 });
      const small = model.add(
        'LeakyRelu',
        [model.convolution(x, { from: 8, to: 8, attributes: { strides: [2, 2] } })],
        { alpha: 0.1 },
      );
      const heads = [x, small].map((map) => {
        const head = model.convolution(map, {
          from: 8,
          to: 12,
          kernel: [3, 3],
          attributes: { pads: [1, 1, 1, 1] },
        });
        return model.add('Reshape', [
          model.add('Transpose', [head], { perm: [0, 2, 3, 1] }),
          model.integers([1, -1, 6]),
        ]);
      });
      const boxes = model.add('Concat', heads, { axis: 1 });
      return [model.add('Sigmoid', [boxes]), boxes];
    },
    operations: [
      'convolution',
      'activation LeakyRelu(x, 0.10000000149011612)',
      'convolution',
      'convolution',
      'activation LeakyRelu(x, 0.10000000149011612)',
      'convolution',
    ],
    stays: ['Reshape', 'Reshape', 'Concat', 'Sigmoid'],
  },
  'ConvTranspose stays, the larger part before it runs': {
    build: (model) => {
      const x = convolved(model);
      const large = model.add('ConvTranspose', [x, model.weights([6, 2, 2, 2], 0.5)], { strides: [2, 2] });
      return [model.add('Sigmoid', [model.convolution(large, { from: 2, to: 1 })])];
    },
    operations: ['convolution'],
    stays: ['ConvTranspose', 'Conv', 'Sigmoid'],
  },
};

describe('an exporter idiom', () => {
  it.each(Object.entries(idioms))('%s', async (_, { build, operations, stays = [], opset, enters }) => {
    const model = new FloatModel({ seed: 5, ...(opset === undefined ? {} : { opset }) });
    const outputs = build(model);
    const { relativeMax, partition } = await compareRebuilt(model.write(outputs));
    const [region] = partition.regions;
    const kinds = region?.operations.map((operation) =>
      operation.kind === 'activation' ? `activation ${describeScalar(operation.scalar)}` : operation.kind,
    );
    expect(kinds).toEqual(operations);
    expect(partition.stayed.map(({ node }) => node.operator)).toEqual(stays);
    expect(relativeMax).toBeLessThan(1e-4);
    if (enters !== undefined) expect(region?.inputs.map(({ view }) => view.tensor)).toEqual(enters);
    const made = new Set(region?.operations.map(({ output }) => output));
    const entering = region?.operations.flatMap(inputsOf).filter((map) => !made.has(map));
    expect(new Set(entering)).toEqual(new Set(region?.inputs.map(({ map }) => map)));
  });
});
