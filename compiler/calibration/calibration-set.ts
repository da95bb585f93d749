import Type from '#typebox';
import { parserOf } from '../../base/validate.ts';
import { SluiceError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { datatypeBytes, elementCount } from '../../contract/tensor-data.ts';
import { type Tensor, TensorDescription } from '../../contract/tensors.ts';

/** Samples to quantise a model with, as one blob carries them to the workspace. */
export interface CalibrationSet {
  /** For each sample its tensors, in one order and of one shape for all. */
  samples: Tensor[][];
  /** Number of the right class of each sample. */
  labels?: number[];
}

const Header = Type.Object(
  {
    schemaVersion: Type.Literal(1),
    sampleCount: Type.Integer({ minimum: 1, maximum: limits.calibrationSamplesMax }),
    inputs: Type.Array(TensorDescription, { minItems: 1, maxItems: 64 }),
    labels: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0 }), { maxItems: limits.calibrationSamplesMax }),
    ),
  },
  { additionalProperties: false },
);
const headerParser = parserOf(Header, { what: 'calibration set', code: 'invalid_request' });
/** Longest first line: descriptions of 64 tensors and labels of 256 samples. */
const headerBytesMax = 64 * 1024;

/** Largest blob of a calibration set. */
export const calibrationBlobBytesMax = limits.calibrationBytesMax + headerBytesMax;

/** One line of JSON that describes the tensors, then their bytes, sample after sample. */
export function encodeCalibrationSet({ samples, labels }: CalibrationSet): Uint8Array {
  const inputs = (samples[0] ?? []).map(({ name, datatype, shape }) => ({ name, datatype, shape }));
  const header: Type.Static<typeof Header> = {
    schemaVersion: 1,
    sampleCount: samples.length,
    inputs,
    ...(labels === undefined ? {} : { labels }),
  };
  return Buffer.concat([
    Buffer.from(`${JSON.stringify(header)}\n`),
    ...samples.flatMap((sample) => sample.map(({ data }) => data)),
  ]);
}

/** Reads what `encodeCalibrationSet` wrote. Throws `invalid_request` for anything else. */
export function decodeCalibrationSet(bytes: Uint8Array): CalibrationSet {
  const end = bytes.subarray(0, headerBytesMax).indexOf('\n'.charCodeAt(0));
  if (end === -1) throw new SluiceError('invalid_request', 'calibration set: its first line has no end');
  const { inputs, sampleCount, labels } = headerParser.parseJson(bytes.subarray(0, end));
  const sizes = inputs.map(({ datatype, shape }) => elementCount(shape) * datatypeBytes[datatype]);
  const wanted = sampleCount * sizes.reduce((sum, size) => sum + size, 0);
  const isOpen = inputs.some(({ shape }) => shape.some((size) => size < 0));
  if (isOpen || bytes.length - end - 1 !== wanted) {
    const expected = isOpen ? 'fixed dimensions' : `${wanted}`;
    throw new SluiceError(
      'invalid_request',
      `calibration set: ${bytes.length - end - 1} bytes of elements, ${expected} expected`,
    );
  }
  let offset = end + 1;
  const samples = Array.from({ length: sampleCount }, () =>
    inputs.map((input, index): Tensor => {
      const start = offset;
      offset += sizes[index] ?? 0;
      // A copy: elements of a tensor are aligned, and those behind the first line are not.
      return { ...input, data: new Uint8Array(bytes.subarray(start, offset)) };
    }),
  );
  return { samples, ...(labels === undefined ? {} : { labels }) };
}
