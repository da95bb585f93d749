import { describe, expect, it } from 'vitest';
import { compileModel } from '../../../compiler/compile.ts';
import type { OnnxNode, OnnxTensor } from '../../../compiler/onnx/model.ts';
import { readModel } from '../../../compiler/onnx/read-model.ts';
import { writeModel } from '../../../compiler/onnx/write-model.ts';
import { type ChainOptions, constant, denseChain, node } from '../../support/onnx-models.ts';

interface Parts {
  nodes: OnnxNode[];
  initialisers: OnnxTensor[];
}

const convolutions: ChainOptions = { operator: 'QLinearConv', sizes: [20, 18, 4], seed: 31 };
const gemms: ChainOptions = { operator: 'QGemm@com.microsoft', sizes: [20, 18, 4], seed: 32 };

/** Replaces a constant by another of the same name. */
function replace(...tensors: OnnxTensor[]): (parts: Parts) => void {
  return ({ initialisers }) => {
    for (const tensor of tensors) {
      initialisers.splice(
        initialisers.findIndex(({ name }) => name === tensor.name),
        1,
        tensor,
      );
    }
  };
}

/** Gives the second layer other attributes. */
function withAttribute(name: string, value: number | number[]): (parts: Parts) => void {
  return ({ nodes }) => {
    const index = nodes.findIndex((each) => each.name === 'layer2');
    const attribute = Array.isArray(value)
      ? { kind: 'ints' as const, value }
      : { kind: 'int' as const, value };
    nodes[index] = { ...(nodes[index] as OnnxNode), attributes: new Map([[name, attribute]]) };
  };
}

/** Puts a node behind the first layer. */
function insertAfterLayer1(inserted: OnnxNode): (parts: Parts) => void {
  return ({ nodes }) => {
    const index = nodes.findIndex((each) => each.name === 'layer1');
    const next = nodes[index + 1] as OnnxNode;
    const output = inserted.outputs[0] as string;
    nodes[index + 1] = { ...next, inputs: next.inputs.map((name) => (name === 'a1' ? output : name)) };
    nodes.splice(index + 1, 0, inserted);
  };
}

const full = (count: number, value: number): number[] => Array.from({ length: count }, () => value);

const unsupported: [string, ChainOptions, (parts: Parts) => void, RegExp][] = [
  [
    'a weight zero point',
    convolutions,
    replace(constant.int8('wz2', full(4, 1))),
    /"layer2".*weight zero point/,
  ],
  ['groups', convolutions, withAttribute('group', 2), /"layer2".*group/],
  ['padding', convolutions, withAttribute('pads', [1, 1, 1, 1]), /"layer2".*pads/],
  ['transA', gemms, withAttribute('transA', 1), /"layer2".*transA/],
  [
    'several output scales',
    convolutions,
    replace(constant.float('s2', full(4, 1))),
    /"layer2".*output scale has 4/,
  ],
  [
    'float weights',
    convolutions,
    replace(constant.float('w2', full(72, 1), [4, 18, 1, 1])),
    /"layer2".*weight "w2" is FLOAT/,
  ],
  [
    'an unsuitable weight shape',
    gemms,
    replace(constant.int8('w2', full(68, 1), [17, 4])),
    /"layer2".*\[N,18\].*\[17,4\]/,
  ],
  [
    'a sum that leaves int32',
    convolutions,
    replace(constant.int32('b2', full(4, 2 ** 31 - 1)), constant.int8('w2', full(72, 127), [4, 18, 1, 1])),
    /"layer2".*output channel 0.*int32/,
  ],
  [
    'a scale beyond the requantiser',
    convolutions,
    replace(constant.float('s2', [1e-12], []), constant.float('ws2', full(4, 1))),
    /"layer2".*output channel 0.*scale/,
  ],
  [
    'a bound for each channel',
    convolutions,
    (parts) => {
      parts.initialisers.push(constant.int8('bound', full(18, 1), [18, 1, 1]));
      insertAfterLayer1(node('Max', { name: 'max', inputs: ['a1', 'bound'], outputs: ['m'] }))(parts);
    },
    /"max" \(Max\).*\[18,1,1\]/,
  ],
  [
    'an operator that it does not compute',
    convolutions,
    insertAfterLayer1(node('MaxPool', { name: 'pool', inputs: ['a1'], outputs: ['m'] })),
    /"pool" \(MaxPool\)/,
  ],
  [
    'an operator of another domain',
    convolutions,
    insertAfterLayer1(node('Reshape@com.example', { name: 'mine', inputs: ['a1', 'to4'], outputs: ['m'] })),
    /"mine" \(com\.example\.Reshape\)/,
  ],
  [
    'a reshape that moves the batch',
    gemms,
    (parts) => {
      parts.initialisers.push(constant.int64('moved', [18, -1]));
      insertAfterLayer1(node('Reshape', { name: 'mover', inputs: ['a1', 'moved'], outputs: ['m'] }))(parts);
    },
    /"mover".*\[N,18\] to \[18,-1\]/,
  ],
  [
    'a bound on the input',
    gemms,
    ({ nodes }) => {
      nodes.splice(1, 0, node('Relu', { name: 'early', inputs: ['q'], outputs: ['r'] }));
      nodes[2] = { ...(nodes[2] as OnnxNode), inputs: ['r', ...(nodes[2]?.inputs.slice(1) ?? [])] };
    },
    /"early" \(Relu\)/,
  ],
  [
    'a branch',
    gemms,
    ({ nodes }) => {
      nodes.push(node('Relu', { name: 'branch', inputs: ['a1'], outputs: ['unused'] }));
    },
    /"branch".*several nodes/,
  ],
  [
    'a node beside the chain',
    gemms,
    ({ nodes }) => {
      nodes.push(node('Relu', { name: 'beside', inputs: ['z0'], outputs: ['unused'] }));
    },
    /"beside" \(Relu\).*outside/,
  ],
  [
    'uint8 activations',
    gemms,
    replace({ name: 'z0', elementType: 2, shape: [], data: Uint8Array.of(128) }),
    /\(QuantizeLinear\).*UINT8/,
  ],
  [
    'a weight of -128',
    convolutions,
    replace(constant.int8('w2', full(72, -128), [4, 18, 1, 1])),
    /"layer2".*-128/,
  ],
  [
    'a layer wider than weight memory',
    { operator: 'QLinearMatMul', sizes: [2051, 3], seed: 33 },
    () => undefined,
    /"layer1".*257 weight tiles.*256/,
  ],
];

describe('compileModel refuses', () => {
  it.each(unsupported)('%s', async (_, chain, edit, message) => {
    await expect(compileModel(denseChain({ ...chain, edit }), { configuration: 'ci' })).rejects.toMatchObject(
      {
        code: 'model_unsupported',
        message: expect.stringMatching(message),
      },
    );
  });

  it('more channels than a transfer can name', async () => {
    const chain: ChainOptions = { operator: 'QLinearMatMul', sizes: [16, 16_384], seed: 35 };
    await expect(compileModel(denseChain(chain), { configuration: 'ci' })).rejects.toMatchObject({
      code: 'model_unsupported',
      message: expect.stringMatching(/2048 blocks.*1023/),
    });
  });

  it.each([
    [
      'a scale that is no number',
      replace(constant.float('ws2', full(4, Number.NaN))),
      /"layer2".*weight scale holds NaN/,
    ],
    [
      'an infinite scale',
      replace(constant.float('s2', [Number.POSITIVE_INFINITY], [])),
      /output scale holds Infinity/,
    ],
    ['a negative scale', replace(constant.float('s0', [-1], [])), /\(QuantizeLinear\).*holds -1/],
    [
      'too few weight scales',
      replace(constant.float('ws2', full(3, 1))),
      /"layer2".*weight scale has 3 elements; 1 or 4/,
    ],
    ['a bias of another length', replace(constant.int32('b2', full(5, 1))), /"layer2".*bias has 5 elements/],
    ['two dimensions to infer', replace(constant.int64('to4', [-1, -1, 1, 1])), /\(Reshape\).*at most one/],
  ] as [string, (parts: Parts) => void, RegExp][])('%s as invalid', async (_, edit, message) => {
    await expect(
      compileModel(denseChain({ ...convolutions, edit }), { configuration: 'ci' }),
    ).rejects.toMatchObject({ code: 'model_invalid', message: expect.stringMatching(message) });
  });

  it.each([
    ['an empty batch', 0],
    ['a batch beyond the limit', 1025],
  ])('%s', async (_, batch) => {
    await expect(
      compileModel(denseChain({ ...gemms, batch }), { configuration: 'ci' }),
    ).rejects.toMatchObject({
      code: 'model_unsupported',
    });
  });

  it.each([
    ['an open dimension', [-1, -1]],
    ['another size', [-1, 5]],
    ['another rank', [-1, 2, 2]],
    ['no batch', [4]],
  ])('a graph output declared with %s', async (_, shape) => {
    const model = readModel(denseChain(gemms));
    const outputs = model.graph.outputs.map((output) => ({ ...output, shape }));
    const declared = writeModel({ ...model, graph: { ...model.graph, outputs } });
    await expect(compileModel(declared, { configuration: 'ci' })).rejects.toMatchObject({
      code: 'model_unsupported',
      message: expect.stringMatching(/graph output "y".*\[N,4\]/),
    });
  });
});
