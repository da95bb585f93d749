import { describe, expect, it } from 'vitest';
import { modelProto } from '../../../compiler/onnx/schema.ts';
import { readModelSignature } from '../../../compiler/signature.ts';
import { fashionSet } from '../../support/golden-sets.ts';

interface Dimension {
  dimValue?: number;
  dimParam?: string;
}

function tensorValue(name: string, elemType: number, dim?: Dimension[]): object {
  return { name, type: { tensorType: { elemType, ...(dim === undefined ? {} : { shape: { dim } }) } } };
}

function modelWith(graph: { input: object[]; output?: object[]; initializer?: object[] }): Uint8Array {
  const { input, output = [tensorValue('y', 1, [])], initializer } = graph;
  const node = [{ opType: 'Identity', input: ['w'], output: ['y'] }];
  const constants = initializer ?? [{ name: 'w', dataType: 1, dims: [1], floatData: [1] }];
  const message = { irVersion: 8, graph: { name: 'g', node, input, output, initializer: constants } };
  return modelProto.encode(modelProto.fromObject(message)).finish();
}

describe('readModelSignature', () => {
  it('reads the sample model', () => {
    expect(readModelSignature(fashionSet().model)).toEqual({
      inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 784] }],
      outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 10] }],
    });
  });

  it('gives -1 for symbolic and unknown dimensions and [] for a scalar', () => {
    const dimensions: Dimension[] = [{ dimParam: 'N' }, {}, { dimValue: 3 }, { dimValue: -5 }];
    const model = modelWith({ input: [tensorValue('a', 7, dimensions), tensorValue('b', 9, [])] });
    expect(readModelSignature(model).inputs).toEqual([
      { name: 'a', datatype: 'INT64', shape: [-1, -1, 3, -1] },
      { name: 'b', datatype: 'BOOL', shape: [] },
    ]);
  });

  it('takes floats of 16 bits', () => {
    const model = modelWith({ input: [tensorValue('a', 10, []), tensorValue('b', 16, [])] });
    expect(readModelSignature(model).inputs.map(({ datatype }) => datatype)).toEqual(['FP16', 'BF16']);
  });

  it('leaves out inputs that are initialisers', () => {
    const model = modelWith({ input: [tensorValue('w', 1, [{ dimValue: 1 }]), tensorValue('a', 1, [])] });
    expect(readModelSignature(model).inputs.map(({ name }) => name)).toEqual(['a']);
  });

  it.each([
    ['no input', [], /takes no input/],
    ['complex numbers', [tensorValue('a', 14, [])], /"a": datatype COMPLEX64/],
    ['floats of 8 bits', [tensorValue('a', 17, [])], /"a": datatype element type 17/],
    ['an unknown datatype', [tensorValue('a', 99, [])], /"a": datatype element type 99/],
    ['a sequence', [{ name: 's', type: { sequenceType: {} } }], /"s": is no tensor/],
    ['an input without type', [{ name: 's' }], /"s": is no tensor/],
    ['an unknown rank', [tensorValue('a', 1)], /"a": its number of dimensions is unknown/],
    ['a name that JavaScript objects cannot hold', [tensorValue('__proto__', 1, [])], /"__proto__"/],
    ['too many dimensions', [tensorValue('a', 1, Array(17).fill({ dimValue: 1 }))], /"a": 17 dimensions/],
  ])('refuses %s', (_, input, message) => {
    expect(() => readModelSignature(modelWith({ input }))).toThrow(
      expect.objectContaining({ code: 'model_unsupported', message: expect.stringMatching(message) }),
    );
  });

  it('refuses an input without name', () => {
    expect(() => readModelSignature(modelWith({ input: [tensorValue('', 1, [])] }))).toThrow(
      expect.objectContaining({ code: 'model_invalid' }),
    );
  });
});
