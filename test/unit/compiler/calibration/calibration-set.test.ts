import { expect, it } from 'vitest';
import {
  decodeCalibrationSet,
  encodeCalibrationSet,
} from '../../../../compiler/calibration/calibration-set.ts';
import type { Tensor } from '../../../../contract/tensors.ts';

const sample = (first: number): Tensor[] => [
  { name: 'x', datatype: 'FP32', shape: [1, 2], data: Uint8Array.of(first, 1, 2, 3, 4, 5, 6, 7) },
  { name: 'mask', datatype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, first) },
];

it('comes back as it was, aligned for its elements', () => {
  const set = { samples: [sample(1), sample(9)], labels: [3, 4] };
  const decoded = decodeCalibrationSet(encodeCalibrationSet(set));
  expect(decoded).toEqual(set);
  for (const [tensor] of decoded.samples) expect(tensor?.data.byteOffset).toBe(0);
  expect(decodeCalibrationSet(encodeCalibrationSet({ samples: [sample(1)] }))).toEqual({
    samples: [sample(1)],
  });
});

it.each<[string, Uint8Array]>([
  ['nothing', new Uint8Array(0)],
  ['no line', Buffer.from('{"schemaVersion":1}')],
  ['another header', Buffer.from('{"schemaVersion":2}\n')],
  ['a byte too few', encodeCalibrationSet({ samples: [sample(1)] }).subarray(0, -1)],
  ['a byte too many', Buffer.concat([encodeCalibrationSet({ samples: [sample(1)] }), Buffer.of(0)])],
  [
    'open dimensions',
    Buffer.from(
      '{"schemaVersion":1,"sampleCount":1,"inputs":[{"name":"x","datatype":"FP32","shape":[-1,-1]}]}\nabcd',
    ),
  ],
])('refuses %s', (_what, bytes) => {
  expect(() => decodeCalibrationSet(bytes)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});
