import { describe, expect, it } from 'vitest';
import { stagesOf } from '../../../../agent/engines/npu-stages.ts';
import type { NpuRoute } from '../../../../contract/image.ts';
import type { TensorSignature } from '../../../../contract/tensors.ts';

function described(name: string) {
  return { name, datatype: 'FP32' as const, shape: [-1, 4] };
}

function signatureOf(inputs: string[], outputs: string[]): TensorSignature {
  return { inputs: inputs.map(described), outputs: outputs.map(described) };
}

function bindings(names: string[]): NpuRoute['inputs'] {
  const vector = { channels: 4, rows: 1, columns: 1, channelStride: 1, rowStride: 1, columnStride: 1 };
  return names.map((tensor) => ({ tensor, scale: 1, zeroPoint: 0, offsetBytes: 0, ...vector }));
}

interface Parts {
  graph?: [string[], string[]];
  head?: [string[], string[]] | undefined;
  npu?: [string[], string[]];
  tail?: [string[], string[]] | undefined;
}

/** a → head → h; h, b → NPU → n, y; n, b → tail → z; the graph gives z and y. */
function stages(parts: Parts = {}) {
  const all = {
    graph: [
      ['a', 'b'],
      ['z', 'y'],
    ] as const,
    head: [['a'], ['h']] as const,
    npu: [
      ['h', 'b'],
      ['n', 'y'],
    ] as const,
    tail: [['n', 'b'], ['z']] as const,
    ...parts,
  };
  const part = (names: readonly (readonly string[])[] | undefined) =>
    names && signatureOf([...(names[0] ?? [])], [...(names[1] ?? [])]);
  const head = part(all.head);
  const tail = part(all.tail);
  return stagesOf(signatureOf([...all.graph[0]], [...all.graph[1]]), {
    configuration: 'ci',
    hardwareHash: '0'.repeat(64),
    inputs: bindings([...all.npu[0]]),
    outputs: bindings([...all.npu[1]]),
    ...(head === undefined ? {} : { head }),
    ...(tail === undefined ? {} : { tail }),
  });
}

describe('stages of an NPU route', () => {
  it('are tied by the names of their tensors', () => {
    expect(stages()).toEqual({
      head: signatureOf(['a'], ['h']),
      npu: signatureOf(['h', 'b'], ['n', 'y']),
      tail: signatureOf(['n', 'b'], ['z']),
    });
  });

  it('may lack head and tail, leave inputs unread, and read a tensor in two places', () => {
    const plain = { head: undefined, tail: undefined };
    expect(stages({ ...plain, graph: [['a', 'b'], ['y']], npu: [['a', 'a'], ['y']] }).npu).toEqual(
      signatureOf(['a'], ['y']),
    );
  });

  it('may give an output of the graph in the head, or read its tensors in the tail', () => {
    expect(() =>
      stages({
        graph: [
          ['a', 'b'],
          ['z', 'h'],
        ],
        npu: [['h'], ['n']],
      }),
    ).not.toThrow();
    expect(() => stages({ npu: [['b'], ['n', 'y']], tail: [['n', 'h'], ['z']] })).not.toThrow();
  });

  const refusals: [string, Parts][] = [
    [
      'two graph inputs of one name',
      {
        graph: [
          ['a', 'a', 'b'],
          ['z', 'y'],
        ],
      },
    ],
    [
      'two graph outputs of one name',
      {
        graph: [
          ['a', 'b'],
          ['z', 'y', 'y'],
        ],
      },
    ],
    [
      'a graph output that is a graph input',
      {
        graph: [
          ['a', 'b'],
          ['z', 'y', 'a'],
        ],
      },
    ],
    [
      'a graph output that nobody gives',
      {
        graph: [
          ['a', 'b'],
          ['z', 'y', 'x'],
        ],
      },
    ],
    ['a head that reads nothing that there is', { head: [['x'], ['h']] }],
    ['a head that reads what it gives', { head: [['h'], ['h']] }],
    ['a head that reads a tensor twice', { head: [['a', 'a'], ['h']] }],
    ['a head that gives a graph input', { head: [['a'], ['h', 'b']] }],
    ['a head that gives a tensor twice', { head: [['a'], ['h', 'h']] }],
    [
      'a program that reads what it gives',
      {
        npu: [
          ['h', 'n'],
          ['n', 'y'],
        ],
      },
    ],
    [
      'a program that reads what the tail gives',
      {
        npu: [
          ['h', 'z'],
          ['n', 'y'],
        ],
      },
    ],
    [
      'a program that gives what the head gives',
      { npu: [['b'], ['n', 'y', 'h']], tail: [['n', 'h'], ['z']] },
    ],
    [
      'a program that gives a tensor twice',
      {
        npu: [
          ['h', 'b'],
          ['n', 'y', 'y'],
        ],
      },
    ],
    [
      'a program that gives what nobody reads',
      {
        npu: [
          ['h', 'b'],
          ['n', 'y', 'x'],
        ],
      },
    ],
    ['a tail that reads what nobody gives', { tail: [['n', 'x'], ['z']] }],
    ['a tail that reads what it gives', { tail: [['n', 'z'], ['z']] }],
    ['a tail that reads a tensor twice', { tail: [['n', 'n'], ['z']] }],
    [
      'a tail that gives what the program gives',
      {
        tail: [
          ['n', 'b'],
          ['z', 'y'],
        ],
      },
    ],
    [
      'a tail that gives a graph input',
      {
        tail: [
          ['n', 'b'],
          ['z', 'a'],
        ],
      },
    ],
  ];

  it.each(refusals)('are refused for %s', (_what, parts) => {
    expect(() => stages(parts)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
  });
});
