import type { CompileReport, LayerReport, NodePlacement } from '../../compiler/report.ts';

const map = (name: string, channels: number) => ({ name, channels, rows: 8, columns: 8 });

function layer(name: string, overrides: Partial<LayerReport>): LayerReport {
  return {
    name,
    kind: 'convolution',
    inputs: [map('x', 3)],
    output: map(name, 16),
    multiplyAccumulates: 27_648,
    instructions: 4,
    executeCycles: 100,
    cycles: 120,
    firstCycle: 0,
    endCycle: 130,
    beatsLoaded: 40,
    beatsStored: 8,
    utilisation: 0.25,
    ...overrides,
  };
}

function node(name: string, placement: NodePlacement['placement'], edges: [string, string]): NodePlacement {
  const [input, output] = edges;
  return {
    node: name,
    operator: 'Conv',
    inputs: [input],
    outputs: [output],
    placement,
    reason: `because ${name}`,
  };
}

/** A report with one of everything, and names that mean something in HTML. */
export function compileReport(): CompileReport {
  const layers = [
    layer('<first> & "only"', { window: '3x3/1x1', output: map('a', 16), decibels: 31.4 }),
    layer('second', {
      kind: 'add',
      inputs: [map('a', 16), map('x', 3)],
      output: map('b', 16),
      decibels: 200,
    }),
  ];
  return {
    model: {
      name: 'tiny',
      bytes: 4096,
      nodeCount: 6,
      inputs: [{ name: 'x', shape: [-1, 3, 8, 8] }],
      outputs: [{ name: 'y', shape: [-1, 16] }],
    },
    configuration: {
      name: 'ci',
      part: 'none',
      clockMhz: 100,
      inputParallel: 8,
      outputParallel: 8,
      pixelParallel: 2,
      multipliers: 128,
    },
    placement: [
      node('transpose', 'host-head', ['x', 'x2']),
      { ...node('first', 'npu', ['x2', 'a']), layer: 0 },
      { ...node('second', 'npu', ['a', 'b']), layer: 1, inputs: ['a', 'x2'] },
      { ...node('shape', 'folded', ['x', 'size']), inputs: [] },
      node('softmax', 'host-tail', ['b', 'y']),
      node('debug', 'unused', ['b', 'z']),
    ],
    multiplyAccumulates: { total: 27_649, npu: 27_648 },
    quantisation: {
      method: 'min-max',
      tried: [
        { method: 'min-max', decibels: 30, agreement: 1 },
        { method: 'entropy', decibels: 20, agreement: 0.5 },
      ],
      sampleCount: 8,
      score: { decibels: 30, agreement: 1, accuracy: 0.875 },
      floatAccuracy: 1,
      layers: [],
      betterInFloat: [],
      costliest: ['second'],
    },
    layers,
    groups: [{ layers: ['second'], tile: { blocks: 2, rows: 8, columns: 8 }, cycles: 120 }],
    estimate: {
      label: 'estimated',
      calibrated: 'none',
      cycles: 240,
      milliseconds: 0.0024,
      itemsPerSecond: 416_666,
      executeCycles: 200,
      utilisation: 0.5,
      bytesLoaded: 640,
      bytesStored: 128,
      megabytesPerSecond: 320,
      megabytesPerSecondMax: 1600,
      busyCycles: { LOAD: 60, EXECUTE: 200, STORE: 12 },
    },
    memory: {
      programBytes: 5000,
      instructions: 8,
      weightsBytes: 4096,
      inputBytes: 512,
      outputBytes: 1024,
      arenaBytes: 1024,
      activationLines: 512,
      lineBytes: 16,
      maps: [
        { name: 'a', lines: 64, address: 0 },
        { name: 'b', lines: 64, arenaOffset: 0 },
      ],
    },
    timeline: {
      cycles: 240,
      spans: [
        { unit: 'LOAD', layer: 0, firstCycle: 0, endCycle: 60, busyCycles: 30, instructions: 2 },
        { unit: 'EXECUTE', layer: 0, firstCycle: 40, endCycle: 140, busyCycles: 100, instructions: 1 },
        { unit: 'EXECUTE', layer: 1, firstCycle: 140, endCycle: 240, busyCycles: 100, instructions: 1 },
      ],
    },
    verification: { programItems: 128, modelItems: 8 },
  };
}
