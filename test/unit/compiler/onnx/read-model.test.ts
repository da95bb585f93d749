import { describe, expect, it } from 'vitest';
import type { OnnxTensor } from '../../../../compiler/onnx/model.ts';
import { readModel } from '../../../../compiler/onnx/read-model.ts';
import { modelProto } from '../../../../compiler/onnx/schema.ts';
import { writeModel } from '../../../../compiler/onnx/write-model.ts';
import { constant, denseChain, floatValue, modelOf, node } from '../../../support/onnx-models.ts';

const x = floatValue('x', [-1, 4]);
const y = floatValue('y', [-1, 4]);

function graphOf(nodes: ReturnType<typeof node>[], initialisers: OnnxTensor[] = []): Uint8Array {
  return writeModel(modelOf({ nodes, initialisers, inputs: [x], outputs: [y] }));
}

function encode(message: object): Uint8Array {
  return modelProto.encode(modelProto.fromObject(message)).finish();
}

function withInitialiser(initializer: object): Uint8Array {
  const graph = { name: 'g', initializer: [initializer], output: [{ name: 'c' }] };
  return encode({ irVersion: 8, opsetImport: [{ version: 13 }], graph });
}

const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'model_invalid', message: expect.stringMatching(message) });

describe('readModel', () => {
  it('reads back what writeModel wrote', () => {
    const model = modelOf({
      nodes: [
        node('Conv', {
          inputs: ['x', 'w'],
          outputs: ['y'],
          attributes: {
            group: { kind: 'int', value: 2 },
            pads: { kind: 'ints', value: [0, 1] },
            alpha: { kind: 'float', value: 0.5 },
            auto_pad: { kind: 'string', value: 'NOTSET' },
          },
        }),
      ],
      initialisers: [constant.float('w', [1, 2, 3, 4], [2, 2])],
      inputs: [x],
      outputs: [y],
    });
    const bytes = writeModel(model);
    const read = readModel(bytes);
    expect(read.graph.nodes).toEqual(model.graph.nodes);
    expect(read.graph.inputs).toEqual(model.graph.inputs);
    expect(read.opsets).toEqual(model.opsets);
    expect([...read.graph.initialisers.values()].map(({ data }) => [...(data ?? [])])).toEqual(
      [...model.graph.initialisers.values()].map(({ data }) => [...(data ?? [])]),
    );
    expect(writeModel(read)).toEqual(bytes);
  });

  it('brings nodes into topological order and leaves sorted ones alone', () => {
    const first = node('Relu', { name: 'first', inputs: ['x'], outputs: ['a'] });
    const second = node('Relu', { name: 'second', inputs: ['a'], outputs: ['y'] });
    const other = node('Relu', { name: 'other', inputs: ['x'], outputs: ['b'] });
    const names = (bytes: Uint8Array): string[] => readModel(bytes).graph.nodes.map(({ name }) => name);
    expect(names(graphOf([second, first]))).toEqual(['first', 'second']);
    expect(names(graphOf([first, other, second]))).toEqual(['first', 'other', 'second']);
  });

  it('orders a node after what its subgraph reads', () => {
    const inner = {
      name: 'then',
      node: [{ opType: 'Relu', input: ['a'], output: ['t'] }],
      output: [{ name: 't' }],
    };
    const graph = {
      name: 'g',
      input: [{ name: 'x' }],
      node: [
        {
          name: 'if',
          opType: 'If',
          input: ['x'],
          output: ['y'],
          attribute: [{ name: 'then_branch', type: 'GRAPH', g: inner }],
        },
        { name: 'relu', opType: 'Relu', input: ['x'], output: ['a'] },
      ],
      output: [{ name: 'y' }],
    };
    const model = readModel(encode({ irVersion: 8, graph }));
    expect(model.graph.nodes.map(({ name }) => name)).toEqual(['relu', 'if']);
  });

  it.each([
    ['a cycle', [node('Add', { name: 'loop', inputs: ['x', 'y'], outputs: ['y'] })], /node "loop" \(Add\)/],
    [
      'a missing input',
      [node('Add', { name: 'sum', inputs: ['x', 'gone'], outputs: ['y'] })],
      /"sum".*"gone"/,
    ],
    [
      'an unnamed node with a missing input',
      [node('Add', { name: '', inputs: ['gone'], outputs: ['y'] })],
      /of output "y"/,
    ],
    [
      'an output with two sources',
      [
        node('Relu', { inputs: ['x'], outputs: ['y'] }),
        node('Relu', { name: 'twice', inputs: ['x'], outputs: ['y'] }),
      ],
      /"twice"/,
    ],
    ['a graph output without source', [node('Relu', { inputs: ['x'], outputs: ['z'] })], /graph output "y"/],
  ])('refuses %s', (_, nodes, message) => {
    expect(() => readModel(graphOf(nodes))).toThrow(invalid(message));
  });

  it.each([
    ['an empty file', new Uint8Array(), /no graph/],
    ['text', new TextEncoder().encode('this is not a model at all'), /no ONNX file/],
    ['a graph without IR version', encode({ graph: { name: 'g' } }), /no IR version/],
    ['a graph without outputs', encode({ irVersion: 8, graph: { name: 'g' } }), /no output/],
    [
      'external data',
      withInitialiser({ name: 'c', dataType: 1, dims: [2], dataLocation: 'EXTERNAL' }),
      /"c": its data is in another file/,
    ],
    [
      'too little data',
      withInitialiser({ name: 'c', dataType: 1, dims: [2], floatData: [1] }),
      /4 bytes of data, 8 expected/,
    ],
    [
      'too much data',
      withInitialiser({ name: 'c', dataType: 3, dims: [2], rawData: new Uint8Array(3) }),
      /3 bytes of data/,
    ],
    ['a negative dimension', withInitialiser({ name: 'c', dataType: 1, dims: [-1] }), /negative dimension/],
    [
      'dimensions whose product overflows',
      withInitialiser({ name: 'c', dataType: 1, dims: [2 ** 40, 2 ** 40], floatData: [1] }),
      /4 bytes of data/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readModel(bytes)).toThrow(invalid(message));
  });

  it.each([
    [1, { floatData: [0.5] }, [0, 0, 0, 63]],
    [2, { int32Data: [200] }, [200]],
    [3, { int32Data: [-2] }, [254]],
    [5, { int32Data: [-2] }, [254, 255]],
    [6, { int32Data: [-2] }, [254, 255, 255, 255]],
    [7, { int64Data: [-2] }, [254, 255, 255, 255, 255, 255, 255, 255]],
    [9, { int32Data: [1] }, [1]],
    [10, { int32Data: [0xbc00] }, [0, 188]],
    [11, { doubleData: [0.5] }, [0, 0, 0, 0, 0, 0, 224, 63]],
    [12, { uint64Data: [258] }, [2, 1, 0, 0]],
    [13, { uint64Data: [258] }, [2, 1, 0, 0, 0, 0, 0, 0]],
    [16, { int32Data: [0xbf80] }, [128, 191]],
  ])('reads element type %i from its typed field', (dataType, data, bytes) => {
    const { graph } = readModel(withInitialiser({ name: 'c', dataType, dims: [1], ...data }));
    expect([...(graph.initialisers.get('c')?.data ?? [])]).toEqual(bytes);
  });

  it('keeps constants of types that it does not read, without data', () => {
    const { graph } = readModel(
      withInitialiser({ name: 'c', dataType: 8, dims: [1], stringData: [new Uint8Array(1)] }),
    );
    expect(graph.initialisers.get('c')).toEqual({ name: 'c', elementType: 8, shape: [1], data: undefined });
    expect(() => writeModel({ irVersion: 8, opsets: new Map(), graph })).toThrow(
      expect.objectContaining({ code: 'model_unsupported' }),
    );
  });

  it('reads a generated chain', () => {
    const bytes = denseChain({ operator: 'QLinearConv', sizes: [5, 3], seed: 1 });
    expect(readModel(bytes).graph.nodes.map(({ operator }) => operator)).toEqual([
      'QuantizeLinear',
      'Reshape',
      'QLinearConv',
      'Reshape',
      'DequantizeLinear',
    ]);
  });
});
