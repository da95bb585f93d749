import { describe, expect, it } from 'vitest';
import { parserOf } from '../../../base/validate.ts';
import { type NpuBinding, type NpuRoute, RunManifest } from '../../../contract/image.ts';
import { limits } from '../../../contract/limits.ts';

const parser = parserOf(RunManifest, { what: 'run manifest', code: 'manifest_invalid' });

const tensors = {
  inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, 3, 4, 4] }],
  outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1, 10] }],
};
const binding: NpuBinding = {
  tensor: 'x',
  scale: 0.1,
  zeroPoint: -128,
  offsetBytes: 0,
  channels: 3,
  rows: 4,
  columns: 4,
  channelStride: 16,
  rowStride: 4,
  columnStride: 1,
};

function manifest(): RunManifest & { routes: { npu: NpuRoute } } {
  return structuredClone({
    schemaVersion: 1,
    name: 'digits',
    version: 1,
    signature: tensors,
    routes: {
      policy: 'auto',
      cpu: { sessions: 1, keepsQuantisation: true },
      npu: {
        configuration: 'ci',
        hardwareHash: '0'.repeat(64),
        inputs: [binding],
        outputs: [binding],
        head: tensors,
        tail: tensors,
      },
    },
    limits: { queueDepth: 4 },
  });
}

describe('a run manifest', () => {
  it('may name a head and a tail, and keep quantisation on the CPU', () => {
    expect(parser.parse(manifest())).toEqual(manifest());
    const plain = manifest();
    delete plain.routes.npu.head;
    delete plain.routes.npu.tail;
    delete plain.routes.cpu.keepsQuantisation;
    expect(parser.parse(plain)).toEqual(plain);
  });

  it('may have a share of shadows', () => {
    for (const shadow of [0, 0.01, 1]) {
      const shadowed = { ...manifest(), routes: { ...manifest().routes, shadow } };
      expect(parser.parse(shadowed)).toEqual(shadowed);
    }
    for (const shadow of [-0.1, 1.1, Number.NaN, '0.01']) {
      const wrong = { ...manifest(), routes: { ...manifest().routes, shadow } };
      expect(() => parser.parse(wrong)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
    }
  });

  const edits: [string, object][] = [
    ['no elements', { channels: 0 }],
    ['parts of an element', { rows: 1.5 }],
    ['a negative number of elements', { columns: -1 }],
    ['more elements than a tensor may have', { columns: limits.npuItemElementsMax + 1 }],
    ['a stride of 0', { channelStride: 0 }],
    ['a negative stride', { rowStride: -4 }],
    ['a stride beyond all tensors', { columnStride: 2 ** 40 }],
    ['a negative offset', { offsetBytes: -16 }],
    ['an offset beyond all regions', { offsetBytes: limits.npuRunBytesMax + 1 }],
    ['a zero point beyond int8', { zeroPoint: 128 }],
    ['a scale of 0', { scale: 0 }],
    ['an infinite scale', { scale: Number.POSITIVE_INFINITY }],
    ['a scale that is no number', { scale: Number.NaN }],
    ['no tensor', { tensor: '' }],
    ['the form before', { elementCount: 48 }],
  ];

  it.each(edits)('is refused for a binding of %s', (_what, edit) => {
    for (const side of ['inputs', 'outputs'] as const) {
      const edited = manifest();
      Object.assign(edited.routes.npu[side][0] ?? {}, edit);
      expect(() => parser.parse(edited)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
    }
  });

  it('is refused for more bindings than the limit, or none', () => {
    for (const count of [0, limits.npuBindingsMax + 1]) {
      const edited = manifest();
      edited.routes.npu.outputs = Array.from({ length: count }, () => binding);
      expect(() => parser.parse(edited)).toThrow(expect.objectContaining({ code: 'manifest_invalid' }));
    }
  });
});
