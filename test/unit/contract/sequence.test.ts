import { expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { checkSequence } from '../../../contract/sequence.ts';
import type { TensorSignature } from '../../../contract/tensors.ts';

const signature: TensorSignature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [1, 512] },
    { name: 'h', datatype: 'FP32', shape: [2, -1, 128] },
    { name: 'c', datatype: 'FP32', shape: [2, 1, 128] },
  ],
  outputs: [
    { name: 'y', datatype: 'FP32', shape: [1, 1] },
    { name: 'hn', datatype: 'FP32', shape: [-1, -1, -1] },
    { name: 'cn', datatype: 'FP32', shape: [2, 1, 128] },
    { name: 'ids', datatype: 'INT64', shape: [2, 1, 128] },
  ],
};

function check(pairs: string[], sequencesMax = 4): void {
  const state = pairs.map((pair) => {
    const [input = '', output = ''] = pair.split('=');
    return { input, output };
  });
  checkSequence(signature, { state, idleMs: 1000, sequencesMax });
}

it('takes states that fit, open dimensions too', () => {
  expect(() => check(['h=hn', 'c=cn'])).not.toThrow();
  expect(() => check(['h=cn', 'c=hn'])).not.toThrow();
});

it.each([
  ['an unknown input', ['z=hn'], 'tensor_name'],
  ['an unknown output', ['h=zn'], 'tensor_name'],
  ['an input that has two outputs', ['h=hn', 'h=cn'], 'tensor_name'],
  ['an output that is two inputs', ['h=hn', 'c=hn'], 'tensor_name'],
  ['another datatype', ['c=ids'], 'tensor_datatype'],
  ['another size', ['x=y'], 'tensor_shape'],
  ['another rank', ['x=hn'], 'tensor_shape'],
])('refuses %s', (_what, pairs, code) => {
  expect(() => check(pairs)).toThrow(expect.objectContaining({ code }));
});

it('refuses a model whose every input is state', () => {
  const only = { inputs: signature.inputs.slice(2), outputs: signature.outputs };
  const settings = { state: [{ input: 'c', output: 'cn' }], idleMs: 1000, sequencesMax: 1 };
  expect(() => checkSequence(only, settings)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});

it('refuses more sequences than there is memory for', () => {
  const bytes = 2 * 128 * 4;
  const most = limits.sequenceStateBytesMax / bytes;
  expect(() => check(['h=hn'], most)).not.toThrow();
  expect(() => check(['h=hn'], most + 1)).toThrow(expect.objectContaining({ code: 'limit_exceeded' }));
});
