import { describe, expect, it } from 'vitest';
import { importModel } from '../../../../compiler/import/import-model.ts';
import { partition } from '../../../../compiler/import/partition.ts';
import { elementType } from '../../../../compiler/onnx/element-types.ts';
import type { OnnxAttribute } from '../../../../compiler/onnx/model.ts';
import { modelProto } from '../../../../compiler/onnx/schema.ts';
import type { ErrorCode } from '../../../../contract/errors.ts';
import { SluiceError } from '../../../../contract/errors.ts';
import { FloatModel } from '../../../support/float-model.ts';

interface Refusal {
  code: ErrorCode;
  /** What the message must name. */
  names: readonly string[];
  model: () => Uint8Array;
  shapes?: Readonly<Record<string, readonly number[]>>;
}

function simple(
  edit: (model: FloatModel, x: string) => string,
  options: { opset?: number } = {},
): Uint8Array {
  const model = new FloatModel(options);
  return model.write([edit(model, model.input('x', [1, 2, 4, 4]))]);
}

/** A file that the writer would not write. */
function raw(message: object): Uint8Array {
  return modelProto.encode(modelProto.fromObject(message)).finish();
}

const value = { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }] } } };

/** If over a branch with an LSTM. */
function branching(): Uint8Array {
  const inner = {
    node: [
      { opType: 'LSTM', input: ['x'], output: ['h'], attribute: [{ name: 'hidden_size', type: 2, i: 4n }] },
    ],
    output: [{ name: 'h' }],
  };
  const branch = (name: string): OnnxAttribute => ({ kind: 'other', message: { name, type: 5, g: inner } });
  const model = new FloatModel();
  model.input('x', [1, 2, 4]);
  model.inputs.push({ name: 'which', elementType: 9, shape: [] });
  const y = model.add('If', ['which'], {
    then_branch: branch('then_branch'),
    else_branch: branch('else_branch'),
  });
  return model.write([y]);
}

const refusals: Record<string, Refusal> = {
  'an open dimension without --shape': {
    code: 'model_unsupported',
    names: ['"x"', '--shape x=1,3,N,N'],
    model: () => {
      const model = new FloatModel();
      return model.write([model.add('Relu', [model.input('x', [-1, 3, -1, -1])])]);
    },
  },
  'a shape for an input that is not there': {
    code: 'tensor_name',
    names: ['"image"', '"x"'],
    model: () => simple((model, x) => model.add('Relu', [x])),
    shapes: { image: [1] },
  },
  'a shape of another rank': {
    code: 'tensor_shape',
    names: ['x=1,2'],
    model: () => simple((model, x) => model.add('Relu', [x])),
    shapes: { x: [1, 2] },
  },
  'a shape that contradicts the graph': {
    code: 'model_invalid',
    names: ['n-reshape0', '[1,5]'],
    model: () => {
      const model = new FloatModel();
      const x = model.input('x', [1, -1]);
      return model.write([model.add('Reshape', [x, model.integers([1, 5])])]);
    },
    shapes: { x: [1, 4] },
  },
  'an unknown operator': {
    code: 'model_unsupported',
    names: ['n-frobnicate0', 'Frobnicate'],
    model: () => simple((model, x) => model.add('Frobnicate', [x])),
  },
  'a custom domain': {
    code: 'model_unsupported',
    names: ['n-relu0', '"my.domain"'],
    model: () => simple((model, x) => model.add('Relu@my.domain', [x])),
  },
  'an old operator set': {
    code: 'model_unsupported',
    names: ['operator set 8', '9 to 21'],
    model: () => simple((model, x) => model.add('Relu', [x]), { opset: 8 }),
  },
  'a new operator set': {
    code: 'model_unsupported',
    names: ['operator set 22'],
    model: () => simple((model, x) => model.add('Relu', [x]), { opset: 22 }),
  },
  'no operator set': {
    code: 'model_invalid',
    names: ['operator set'],
    model: () =>
      raw({
        irVersion: 8,
        graph: {
          node: [{ opType: 'Relu', input: ['x'], output: ['y'] }],
          input: [{ name: 'x', type: value }],
          output: [{ name: 'y', type: value }],
        },
      }),
  },
  'external data': {
    code: 'model_invalid',
    names: ['"w"', 'save the model as one file'],
    model: () =>
      raw({
        irVersion: 8,
        opsetImport: [{ version: 17 }],
        graph: {
          initializer: [{ name: 'w', dims: [4], dataType: 1, dataLocation: 1 }],
          output: [{ name: 'w', type: value }],
        },
      }),
  },
  'a sequence': {
    code: 'model_unsupported',
    names: ['SplitToSequence', '"y"', 'no tensor'],
    model: () =>
      raw({
        irVersion: 8,
        opsetImport: [{ version: 17 }],
        graph: {
          node: [{ name: 'cut', opType: 'SplitToSequence', input: ['x'], output: ['y'] }],
          input: [{ name: 'x', type: value }],
          output: [{ name: 'y', type: { sequenceType: { elemType: value } } }],
        },
      }),
  },
  'a weight that is no number': {
    code: 'model_invalid',
    names: ['n-conv0', 'NaN', '"c0"'],
    model: () =>
      simple((model, x) => model.add('Conv', [x, model.floats([1, 2, Number.NaN, 4], [2, 2, 1, 1])])),
  },
  'an infinite bias': {
    code: 'model_invalid',
    names: ['n-conv0', 'Infinity'],
    model: () => {
      return simple((model, x) =>
        model.add('Conv', [x, model.weights([2, 2, 1, 1], 1), model.floats([1, Number.POSITIVE_INFINITY])]),
      );
    },
  },
  'weights that do not fit the input': {
    code: 'model_invalid',
    names: ['n-conv0', '[2,3,1,1]', '[1,2,4,4]'],
    model: () => simple((model, x) => model.add('Conv', [x, model.weights([2, 3, 1, 1], 1)])),
  },
  'an output too large to hold': {
    code: 'model_unsupported',
    names: ['n-tile0', '268435456'],
    model: () => simple((model, x) => model.add('Tile', [x, model.integers([1, 1, 30_000, 30_000])])),
  },
  'control flow': {
    code: 'model_unsupported',
    names: ['n-if0', 'If', 'LSTM', 'serve it on the CPU'],
    model: branching,
  },
  'nothing to multiply': {
    code: 'model_unsupported',
    names: ['no convolution or matrix product'],
    model: () => simple((model, x) => model.add('Softmax', [x])),
  },
  'a batch of more than one': {
    code: 'model_unsupported',
    names: ['n-conv0', 'batch of 1'],
    model: () => {
      const model = new FloatModel();
      return model.write([model.convolution(model.input('x', [8, 2, 4, 4]), { from: 2, to: 2 })]);
    },
  },
  'weights of half precision': {
    code: 'model_unsupported',
    names: ['n-conv0', 'FLOAT16', 'export the model as float32'],
    model: () => {
      const model = new FloatModel();
      const x = model.input('x', [1, 2, 4, 4]);
      const half = 10;
      return model.write([
        model.add('Conv', [x, model.bytes([0, 60, 0, 60, 0, 60, 0, 60], [2, 2, 1, 1], half)]),
      ]);
    },
  },
  'weights in bfloat16': {
    code: 'model_unsupported',
    names: ['n-conv0', 'BFLOAT16', 'export the model as float32'],
    model: () => {
      const model = new FloatModel();
      const x = model.input('x', [1, 2, 4, 4]);
      const brain = 16;
      return model.write([
        model.add('Conv', [x, model.bytes([128, 63, 128, 63, 128, 63, 128, 63], [2, 2, 1, 1], brain)]),
      ]);
    },
  },
};

describe('the import refuses', () => {
  it.each(Object.entries(refusals))('%s', async (_, { code, names, model, shapes = {} }) => {
    const thrown: unknown = await importModel(model(), { shapes })
      .then((imported) => partition(imported))
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(SluiceError);
    if (!(thrown instanceof SluiceError)) return;
    expect(thrown.code).toBe(code);
    for (const name of names) expect(thrown.message).toContain(name);
    expect(thrown.message).not.toContain('\n');
  });

  it('takes what a missing dimension is given as', async () => {
    const model = new FloatModel();
    const bytes = model.write([model.convolution(model.input('x', [-1, 2, -1, -1]), { from: 2, to: 3 })]);
    const { graph } = await importModel(bytes, { shapes: { x: [1, 2, 5, 6] } });
    expect(graph.operations[0]?.output).toMatchObject({ channels: 3, rows: 5, columns: 6 });
  });

  it('keeps UINT8 images on the host and takes the floats behind', async () => {
    const model = new FloatModel();
    const image = model.input('x', [1, 4, 4, 2], elementType.UINT8);
    const real = model.add('Transpose', [model.add('Cast', [image], { to: 1 })], { perm: [0, 3, 1, 2] });
    const parts = partition(await importModel(model.write([model.convolution(real, { from: 2, to: 3 })])));
    expect(parts.head?.graph.nodes.map(({ operator }) => operator)).toEqual(['Cast', 'Transpose']);
    expect(parts.stayed[0]?.reason).toContain('UINT8');
  });
});
